import Hummingbird
import Passport
import Registry
import Selection
import Wire

/// The list of devices: search and filters stand in the address, so that a list can be sent to somebody else.
extension Console {
    func devices(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let query = try DeviceQuery(request)
        if DeviceQuery.hasBlanks(request) { return Self.back(to: query.place(after: query.after)) }
        let page = try await reading.devices(query.filter, after: query.after, limit: 50, as: session.principal)
        let stages = try await reading.stages(as: session.principal)
        let now = house.clock()
        let products = try await reading.products(as: session.principal)
        return Page("Devices", in: .devices, for: session) {
            pageHead("Devices") {
                if Access.allows(.pair, session.principal) {
                    link(Place("/claim"), .class("button")) { "Add a device" }
                }
            }
            if Self.query("done", request) == "accepted" {
                Pieces.done("The transfer is accepted. The device appears here once it has wiped itself.")
            }
            stageRow(stages, query)
            filters(query, products)
            tag("section", .class("card"), .label("Devices found")) {
                if page.devices.isEmpty, page.next == nil {
                    nothing(query, isStaff: Access.allows(.readFleet, session.principal))
                } else {
                    if page.devices.isEmpty {
                        Pieces.empty("None so far.") { "Thousands were looked at, and none fits; there are more." }
                    } else {
                        table(page.devices, now: now, showsOwner: page.devices.contains { $0.owner != nil })
                    }
                    pager(page, query)
                }
            }
        }.response
    }

    /// How many devices stand in each stage, before any filter: a click sets the stage and keeps the rest.
    private func stageRow(_ stages: [FleetView.StageCount], _ query: DeviceQuery) -> HTML {
        tag("nav", .class("stage-row"), .label("Stages")) {
            stageLink(query.place(stage: nil), isCurrent: query.filter.stage == nil) {
                tag("span", .class("badge all")) {
                    "All "
                    tag("b", text: grouped(stages.reduce(0) { $0 + $1.count }))
                }
            }
            for count in stages {
                stageLink(query.place(stage: count.stage), isCurrent: query.filter.stage == count.stage) {
                    tag("span", .class("badge " + count.stage.colorClass)) {
                        count.stage.title + " "
                        tag("b", text: grouped(count.count))
                    }
                }
            }
        }
    }

    private func stageLink(_ place: Place, isCurrent: Bool, @HTMLBuilder content: () -> HTML) -> HTML {
        isCurrent ? link(place, Attribute("aria-current", "true"), content: content) : link(place, content: content)
    }

    private func filters(_ query: DeviceQuery, _ products: [ProductView]) -> HTML {
        let stages = [("", "Any stage")] + StageTable.order.map { ($0.rawValue, $0.title) }
        let names = [("", "Any product")] + products.map { ($0.product.text, $0.product.text) }
        return tag(
            "form", .class("filters"), Attribute("method", "get"), .action(Place("/devices")),
            Attribute("role", "search")
        ) {
            tag("div", .class("wide-field")) {
                tag("label", Attribute("for", "field-q"), text: "Serial begins with, or whole name")
                HTML.void(
                    "input",
                    [
                        .type("search"), .id("field-q"), .name("q"), .value(query.filter.q ?? ""),
                        Attribute("autocomplete", "off"), Attribute("maxlength", 64),
                    ])
            }
            Forms.select("stage", "Stage", chosen: query.filter.stage?.rawValue, options: stages)
            Forms.select("product", "Product", chosen: query.filter.product?.text, options: names)
            tag("div") {
                tag("label", Attribute("for", "field-batch"), text: "Batch")
                HTML.void(
                    "input",
                    [
                        .type("text"), .id("field-batch"), .name("batch"), .value(query.filter.batch?.text ?? ""),
                        Attribute("maxlength", 64),
                    ])
            }
            tag("div", .class("wide-field")) {
                tag("label", Attribute("for", "field-where"), text: "Where (a selector)")
                HTML.void(
                    "input",
                    [
                        .type("text"), .id("field-where"), .name("where"),
                        .value(query.filter.selector?.description ?? ""), Attribute("autocomplete", "off"),
                        Attribute("maxlength", Selector.maximumBytes),
                        Attribute("placeholder", "release < 7 and seen < 7d"),
                    ])
            }
            tag("label", .class("check")) {
                HTML.void(
                    "input",
                    [.type("checkbox"), .name("alarms"), .value("open")]
                        + (query.filter.alarm == nil ? [] : [.flag("checked")]))
                tag("span", text: "With alarms")
            }
            tag("div", .class("row")) {
                tag("button", .class("primary"), .type("submit")) { "Search" }
                if query.isNarrowed { link(Place("/devices"), "Clear") }
            }
        }
    }

    private func table(_ devices: [DeviceRow], now: Timestamp, showsOwner: Bool) -> HTML {
        let columns =
            ["Serial", "Stage", "Product", "Software", "Last contact"] + (showsOwner ? ["Owner"] : []) + ["Alarms"]
        return Pieces.table("Devices", columns: columns, numbers: [columns.count - 1]) {
            for device in devices {
                tag("tr") {
                    tag("td") { Pieces.device(device.serial, device.device) }
                    tag("td") { Pieces.badge(device.stage) }
                    tag("td", .class("nowrap"), text: device.product.text)
                    tag("td", .class("nowrap")) { device.softwareVersion.map { .text($0) } ?? Self.none }
                    tag("td", .class("nowrap")) { Times.brief(device.lastContactAt, now: now) }
                    if showsOwner { tag("td", .class("nowrap")) { device.owner.map { .text($0.name) } ?? Self.none } }
                    tag("td", .class("number")) {
                        if device.openAlarms > 0 {
                            tag("span", .class("chip bad"), text: grouped(device.openAlarms))
                        } else {
                            Self.none
                        }
                    }
                }
            }
        }
    }

    static let none = HTML.element("span", [.class("quiet")], .text("–"))

    private func pager(_ page: DevicePage, _ query: DeviceQuery) -> HTML {
        tag("nav", .class("pager"), .label("Pages")) {
            tag("span", .class("beside"), text: counted(page.devices.count, "device", "devices") + " on this page")
            tag("span", .class("row")) {
                if query.after != nil { link(query.place(after: nil), .class("button")) { "First page" } }
                if let next = page.next { link(query.place(after: next), .class("button")) { "Next page" } }
            }
        }
    }

    private func nothing(_ query: DeviceQuery, isStaff: Bool) -> HTML {
        if query.isNarrowed || query.after != nil {
            return Pieces.empty("No device fits.") {
                "A serial is searched from its first character on, with upper and lower case as on the label. "
                link(Place("/devices"), "Show all devices")
            }
        }
        if isStaff {
            return Pieces.empty("There are no devices yet.") {
                "They come with the births that a station signed: "
                tag("code") { "lifelong batch import FILE" }
            }
        }
        return Pieces.empty("You own no device yet.") { link(Place("/claim"), "Pair a device, or accept one") }
    }
}

/// Search and filters as the address has them.
struct DeviceQuery {
    var filter: DeviceFilter
    var after: String?

    init(_ request: Request) throws(Refusal) {
        var filter = DeviceFilter()
        if let name = Console.query("stage", request) {
            guard let stage = Stage(rawValue: name) else {
                throw Refusal(.malformed, "There is no stage of that name.", hint: "Choose one from the list.")
            }
            filter.stage = stage
        }
        filter.product = try Console.query("product", request).map { name throws(Refusal) in try ProductID(name) }
        filter.batch = try Console.query("batch", request).map { name throws(Refusal) in try BatchID(name) }
        filter.alarm = Console.query("alarms", request) == nil ? nil : .any
        filter.q = Console.query("q", request)
        // One that is too long is refused, not left out: that would find every device.
        filter.selector = try Console.query("where", request, limit: .max).map { text throws(Refusal) in
            try Selector(text)
        }
        self.filter = filter
        after = Console.query("after", request)
    }

    /// A browser sends the fields that were left empty too; the address that people pass on is shorter without them.
    static func hasBlanks(_ request: Request) -> Bool {
        ["q", "stage", "product", "batch", "where", "after"].contains {
            request.uri.queryParameters[$0]?.isEmpty == true
        }
    }

    var isNarrowed: Bool { filter != DeviceFilter() }

    private func place(_ stage: Stage?) -> Place {
        Place("/devices").with("q", filter.q).with("stage", stage?.rawValue).with("product", filter.product?.text)
            .with("batch", filter.batch?.text).with("where", filter.selector?.description).with(
                "alarms", filter.alarm == nil ? nil : "open")
    }

    func place(stage: Stage?) -> Place { place(stage) }
    func place(after: String?) -> Place { place(filter.stage).with("after", after) }
}

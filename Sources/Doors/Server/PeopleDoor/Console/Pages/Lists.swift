import HTTPTypes
import Hummingbird
import Manufacture
import Passport
import Registry
import Wire

/// Alarms, batches and authorities: the lists behind the numbers of Today.
extension Console {
    func alarms(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let onlyOpen = Self.query("open", request) == "true"
        let before = Self.query("before", request).flatMap { Int64($0) }
        let page = try await reading.alarms(
            open: onlyOpen ? true : nil, before: before, limit: 50, as: session.principal)
        let now = house.clock()
        let here = Place("/alarms").with("open", onlyOpen ? "true" : nil)
        return Page("Alarms", in: .today, for: session) {
            pageHead(onlyOpen ? "Open alarms" : "All alarms", crumb: link(Place("/"), "Today")) {
                onlyOpen
                    ? link(Place("/alarms"), "Show all") : link(Place("/alarms").with("open", "true"), "Only open ones")
            }
            if Self.query("done", request) == "acknowledged" { Pieces.done("The alarm is acknowledged.") }
            tag("section", .class("card"), .label("Alarms")) {
                if page.alarms.isEmpty {
                    Pieces.empty(onlyOpen ? "No alarm is open." : "There was no alarm yet.") {
                        link(Place("/"), "Go to Today")
                    }
                }
                tag("ul", .class("tasks divided")) {
                    for alarm in page.alarms {
                        Pieces.alarm(alarm, session: session, now: now, backTo: onlyOpen ? "open" : "alarms")
                    }
                }
                if let next = page.next {
                    tag("nav", .class("pager"), .label("Pages")) {
                        tag("span", text: "")
                        link(here.with("before", String(next)), .class("button")) { "Older" }
                    }
                }
            }
        }.response
    }

    func acknowledge(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        guard let index = Int(try Self.part("index", context)) else { throw Self.noPage() }
        let serial = try? await reading.entry(Int64(index), as: session.principal).entry.serial
        _ = try await house.perform(AcknowledgeAlarm(index: index), as: session.principal)
        switch context.form?["back"] {
        case "today": return Self.back(to: Place("/").with("done", "acknowledged"))
        case "device": return Self.back(to: serial.map { Place("/devices", $0) } ?? Place("/"))
        case "open": return Self.back(to: Place("/alarms").with("open", "true").with("done", "acknowledged"))
        default: return Self.back(to: Place("/alarms").with("done", "acknowledged"))
        }
    }

    func batches(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let batches = try await reading.batches(as: session.principal)
        let now = house.clock()
        let mayRead = Access.allows(.readFleet, session.principal)
        return Page("Batches", in: .today, for: session) {
            pageHead(
                "Batches", lead: "The units made in one go, each batch by one station under one permit.",
                crumb: mayRead ? link(Place("/"), "Today") : nil)
            if let shipped = Self.query("shipped", request).flatMap({ Int($0) }) {
                Pieces.done("\(counted(shipped, "device is", "devices are")) shipped and may be paired now.")
            }
            tag("section", .class("card"), .label("Batches")) {
                if batches.isEmpty {
                    Pieces.empty("No batches yet.") {
                        "A station asks for one: "
                        tag("code") { "lifelong batch open" }
                    }
                } else {
                    batchTable(batches, session, now: now, mayRead: mayRead)
                }
            }
        }.response
    }

    private func batchTable(_ batches: [BatchView], _ session: PeopleSession, now: Timestamp, mayRead: Bool) -> HTML {
        let mayShip = Access.allows(ShipDevices.permission, session.principal)
        let columns = ["Batch", "Product", "Station", "Opened", "Admitted", "Permitted"] + (mayShip ? [""] : [])
        return Pieces.table("Batches", columns: columns, numbers: [4, 5]) {
            for batch in batches {
                tag("tr") {
                    tag("td") {
                        if mayRead {
                            link(Place("/devices").with("batch", batch.batch.text), .class("mono nowrap")) {
                                batch.batch.text
                            }
                        } else {
                            tag("span", .class("mono nowrap"), text: batch.batch.text)
                        }
                    }
                    tag("td", .class("nowrap"), text: batch.product.text)
                    tag("td", .class("nowrap"), text: batch.station)
                    tag("td", .class("nowrap")) { Times.brief(batch.openedAt, now: now) }
                    tag("td", .class("number")) {
                        if batch.admitted < batch.quantity {
                            tag("span", .class("chip warn"), text: grouped(batch.admitted))
                        } else {
                            grouped(batch.admitted)
                        }
                    }
                    tag("td", .class("number"), text: grouped(batch.quantity))
                    if mayShip {
                        tag("td", .class("nowrap")) { link(Place("/batches", batch.batch.text, "ship"), "Ship…") }
                    }
                }
            }
        }
    }

    func confirmShipping(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        try Access.demand(ShipDevices.permission, of: session.principal)
        let batch = try BatchID(Self.part("batch", context))
        return Page("Ship a batch", in: .today, for: session) {
            tag("div", .class("narrow-page")) {
                pageHead("Ship a batch", crumb: link(Place("/batches"), "Batches"))
                tag("section", .class("card"), .label("Confirm")) {
                    tag("p") {
                        "Every device of batch "
                        tag("code", text: batch.text)
                        " that is still in stock counts as sold then: it may be paired, and contact no longer means that it was diverted."
                    }
                    tag("p", .class("notice bad")) { "This cannot be undone." }
                    Forms.form(to: Place("/batches", batch.text, "ship"), session: session) {
                        tag("div", .class("row")) {
                            tag("button", .class("final"), .type("submit")) { "Ship the batch" }
                            link(Place("/batches"), "Cancel")
                        }
                    }
                }
            }
        }.response
    }

    func ship(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let batch = try BatchID(Self.part("batch", context))
        var shipped = 0
        var more = true
        while more {
            let answer = try await house.perform(ShipDevices(batch: batch), as: session.principal)
            shipped += answer.shipped
            more = answer.more
        }
        return Self.back(to: Place("/batches").with("shipped", String(shipped)))
    }

    func authorities(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let authorities = try await reading.authorities(as: session.principal)
        let now = house.clock()
        return Page("Authorities", in: .today, for: session) {
            pageHead(
                "Authorities", lead: "Who signs certificates here. A root's key is best kept offline.",
                crumb: link(Place("/"), "Today"))
            tag("section", .class("card"), .label("Authorities")) {
                Pieces.table("Authorities", columns: ["Name", "Kind", "Until", "Key", "Revocation list", "Serial"]) {
                    for authority in authorities { authorityRow(authority, now: now) }
                }
            }
        }.response
    }

    private func authorityRow(_ authority: AuthorityView, now: Timestamp) -> HTML {
        let isNear = authority.certificate.notAfter < now.adding(days: 90)
        return tag("tr") {
            tag("td", .class("nowrap"), text: authority.name)
            tag("td", text: authority.kind)
            tag("td", .class("nowrap")) {
                if isNear {
                    tag("span", .class("chip warn"), text: Times.day(authority.certificate.notAfter))
                } else {
                    CertificateWords.until(authority.certificate.notAfter, now: now)
                }
            }
            tag("td", .class("nowrap"), text: authority.hasKey ? "in this house" : "elsewhere")
            tag("td", .class("nowrap")) {
                if let list = authority.revocationList {
                    "number \(list.number), next "
                    Times.brief(list.nextUpdate, now: now)
                } else {
                    Self.none
                }
            }
            tag("td") { Pieces.short(authority.certificate.serial, to: 16) }
        }
    }
}

import Hummingbird
import Passport
import Registry
import Wire

/// Where the fleet stands, and what needs a person.
extension Console {
    func today(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let isStation =
            !Access.allows(.readFleet, session.principal) && !Access.allows(.readOwnDevices, session.principal)
        if isStation { return Self.back(to: Place("/batches")) }
        let fleet = try await reading.fleet(as: session.principal)
        let isStaff = Access.allows(.readFleet, session.principal)
        return Page("Today", in: .today, for: session) {
            pageHead("Today", lead: Self.lead(fleet)) { tag("span", text: Times.utc(fleet.at)) }
            if Self.query("done", request) == "acknowledged" { Pieces.done("The alarm is acknowledged.") }
            flow(fleet, isStaff: isStaff)
            tag("div", .class("columns uneven")) {
                needs(fleet, session)
                tag("div", .class("stack")) {
                    if let ledger = fleet.ledger { ledgerState(ledger, now: fleet.at) }
                    if isStaff { batchesToday(fleet) }
                }
            }
        }.response
    }

    private static func lead(_ fleet: FleetView) -> String {
        if fleet.devices == 0 { return "No devices yet." }
        var contact = "\(grouped(fleet.contactedLately)) made contact within the last \(fleet.contactMinutes) minutes"
        if let then = fleet.contactedAsOf { contact += " before " + Times.utc(then) }
        return "\(counted(fleet.devices, "device", "devices")), of which \(contact)."
    }

    private func flow(_ fleet: FleetView, isStaff: Bool) -> HTML {
        card("Life cycle", id: "flow", beside: link(Place("/devices"), "All \(grouped(fleet.devices))")) {
            FlowPicture(fleet.stages).html
            if fleet.devices == 0 {
                Pieces.empty(isStaff ? "The first device comes with its batch." : "You own no device yet.") {
                    if isStaff {
                        "Open a batch and import the births that the station signed: "
                        tag("code") { "lifelong batch import FILE" }
                    } else {
                        link(Place("/claim"), "Pair your first device")
                    }
                }
            }
        }
    }

    private func needs(_ fleet: FleetView, _ session: PeopleSession) -> HTML {
        let others = fleet.needsPerson.filter { $0.kind != .alarms }
        return card(
            "What needs a person", id: "needs",
            beside: fleet.openAlarms > 0
                ? link(Place("/alarms").with("open", "true"), Self.openAlarms(fleet))
                : .empty
        ) {
            if fleet.needsPerson.isEmpty, fleet.alarms.isEmpty {
                Pieces.empty("Nothing waits for you.") {
                    "Alarms, transfers, rollouts and unfinished batches would stand here."
                }
            }
            tag("ul", .class("tasks divided")) {
                for task in others { Self.task(task) }
                for alarm in fleet.alarms.prefix(8) {
                    Pieces.alarm(alarm, session: session, now: fleet.at, backTo: "today")
                }
            }
        }
    }

    private static func openAlarms(_ fleet: FleetView) -> String {
        (fleet.hasMoreAlarms == true ? "More than " : "") + counted(fleet.openAlarms, "open alarm", "open alarms")
    }

    private static func task(_ task: FleetView.Task) -> HTML {
        tag("li") {
            tag("div", .class("what")) {
                tag("p") { link(place(of: task.kind), "\(grouped(task.count)) \(name(of: task.kind, task.count))") }
                tag("p", .class("soft"), text: task.sentence)
            }
        }
    }

    private static func place(of kind: FleetView.Task.Kind) -> Place {
        switch kind {
        case .alarms: Place("/alarms").with("open", "true")
        case .quarantined: Place("/devices").with("stage", Stage.quarantined.rawValue)
        case .transfers: Place("/devices").with("stage", Stage.inTransfer.rawValue)
        case .rollouts: Place("/updates")
        case .batches: Place("/batches")
        case .authorities: Place("/authorities")
        case .ledger: Place("/ledger")
        }
    }

    private static func name(of kind: FleetView.Task.Kind, _ count: Int) -> String {
        let isOne = count == 1
        return switch kind {
        case .alarms: isOne ? "open alarm" : "open alarms"
        case .quarantined: isOne ? "quarantined device" : "quarantined devices"
        case .transfers: isOne ? "transfer" : "transfers"
        case .rollouts: isOne ? "rollout" : "rollouts"
        case .batches: isOne ? "unfinished batch" : "unfinished batches"
        case .authorities: isOne ? "authority ends soon" : "authorities end soon"
        case .ledger: isOne ? "unpublished entry" : "unpublished entries"
        }
    }

    private func ledgerState(_ ledger: LedgerView, now: Timestamp) -> HTML {
        card("Ledger", id: "ledger-state", beside: link(Place("/ledger"), "Entries and proofs")) {
            Pieces.facts([
                ("Entries", tag("span", .class("figure"), text: grouped(ledger.size))),
                (
                    "Last checkpoint",
                    ledger.publishedAt.map { Times.element($0, now: now) }
                        ?? .text("none yet; the first comes within a second")
                ),
                ("It covers", .text(counted(Int(ledger.publishedSize), "entry", "entries"))),
                ("Root", ledger.root.map { Pieces.short($0.description, to: 24) } ?? .text("none yet")),
            ])
        }
    }

    private func batchesToday(_ fleet: FleetView) -> HTML {
        card("Newest batches", id: "batches", beside: link(Place("/batches"), "All batches")) {
            if fleet.batches.isEmpty {
                Pieces.empty("No batches yet.") {
                    "A station asks for one: "
                    tag("code") { "lifelong batch open" }
                }
            }
            tag("ul", .class("tasks divided")) {
                for batch in fleet.batches.prefix(4) {
                    tag("li") {
                        tag("div", .class("what")) {
                            tag("p") {
                                link(Place("/devices").with("batch", batch.batch.text), "\(batch.product.text)")
                                tag("span", .class("quiet"), text: " from \(batch.station), ")
                                tag("span", .class("quiet")) { Times.brief(batch.openedAt, now: fleet.at) }
                            }
                        }
                        tag(
                            "span", .class("number soft"),
                            text: "\(grouped(batch.admitted)) of \(grouped(batch.quantity))")
                    }
                }
            }
        }
    }
}

import Hummingbird
import Passport
import Registry
import Wire

/// One device: where it stands and why, from factory to now.
extension Console {
    func device(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let name = try Self.part("name", context)
        let view = try await reading.device(name, as: session.principal)
        let before = Self.query("before", request).flatMap { Int64($0) }
        let life = try await reading.life(
            view.device.text, before: before, limit: Reading.maximumPageLimit, as: session.principal)
        let updates = try await reading.updates(of: view.device.text, as: session.principal)
        let now = house.clock()
        return Page(view.serial, in: .devices, for: session) {
            pageHead(view.serial, crumb: link(Place("/devices"), "Devices")) { Pieces.badge(view.stage, large: true) }
            if let done = Self.query("done", request), let verb = DeviceVerb.named(done) { Pieces.done(verb.done) }
            waiting(view, now: now)
            lifeLine(life, view, now: now)
            tag("div", .class("columns")) {
                tag("div", .class("stack")) {
                    standing(view, now: now)
                    actions(view, session)
                }
                tag("div", .class("stack")) {
                    if !view.openAlarms.isEmpty { alarms(view, session, now: now) }
                    use(view, now: now)
                    tenures(view, now: now)
                }
            }
            certificates(view, now: now)
            rights(view)
            updateHistory(updates, session, now: now)
            wholeLife(life, session, isNewest: before == nil, now: now)
        }.response
    }

    /// What the device or its owner still owes.
    private func waiting(_ view: DeviceView, now: Timestamp) -> HTML {
        var sentences: [String] = []
        if view.wipeOwed { sentences.append("A wipe is ordered, and the device has not signed for it yet.") }
        if let expires = view.pairingExpires, expires > now {
            sentences.append("A pairing waits for the device's own proof, until \(Times.utc(expires)).")
        }
        if let transfer = view.transfer, transfer.acceptedAt == nil {
            let until = transfer.expires.map { ", until \(Times.utc($0))" } ?? ""
            sentences.append("It is on offer; whoever has the code may accept it\(until).")
        }
        if sentences.isEmpty { return .empty }
        return tag("div", .class("notice warn")) { for sentence in sentences { tag("p", text: sentence) } }
    }

    private func lifeLine(_ life: LifeView, _ view: DeviceView, now: Timestamp) -> HTML {
        let line = LifeLine(life.turns + life.entries, now: now)
        let lead = line.omitted > 0 ? "The first \(line.omitted) stretches of its life are left out here." : nil
        return card("Life line", id: "life-line", lead: lead, beside: .text("born \(Times.day(view.bornAt))")) {
            LifeLinePicture(line: line).html
        }
    }

    private func standing(_ view: DeviceView, now: Timestamp) -> HTML {
        var facts: [(name: String, value: HTML)] = [
            ("Stage", .text("\(view.stage.title). \(view.stage.meaning)")),
            ("When it is refused", .text(view.whatToDo)),
        ]
        if let retirement = view.retirement {
            facts.append(("Retired", .text("\(retirement.how.rawValue), ") + Times.element(retirement.at, now: now)))
        }
        facts += [
            (
                "Product",
                link(Place("/devices").with("product", view.product.text), view.productTitle ?? view.product.text)
            ),
            ("Hardware", .text(view.hardware)),
            ("Batch", link(Place("/devices").with("batch", view.batch.text), .class("mono")) { view.batch.text }),
            ("Name", tag("code", text: view.device.text)),
            ("Last change", Times.element(view.changedAt, now: now)),
        ]
        for (name, value) in (view.labels ?? [:]).sorted(by: { $0.key < $1.key }) {
            facts.append(("Label \(name)", .text(value)))
        }
        return card("Where it stands", id: "standing") { Pieces.facts(facts) }
    }

    private func actions(_ view: DeviceView, _ session: PeopleSession) -> HTML {
        let offered = view.actions.compactMap { action in DeviceVerb.doing(action.name).map { (action, $0) } }
        if offered.isEmpty { return .empty }
        return card("What you may do", id: "actions") {
            tag("ul", .class("tasks divided")) {
                for (action, verb) in offered {
                    tag("li") {
                        tag("div", .class("what")) {
                            tag("p", .class("title"), text: action.title)
                            tag("p", .class("soft"), text: action.consequence)
                        }
                        button(action, verb, view, session)
                    }
                }
            }
        }
    }

    /// What asks for nothing and takes nothing away is done at once; the rest has a page that asks first.
    private func button(
        _ action: DeviceView.ActionView, _ verb: DeviceVerb, _ view: DeviceView, _ session: PeopleSession
    ) -> HTML {
        let place = Place("/devices", view.serial, verb.path)
        if verb.isImmediate {
            return Forms.form(to: place, session: session) {
                tag("button", .type("submit"), text: action.title)
            }
        }
        return link(place, .class(action.isFinal || verb.cutsOff ? "button final" : "button")) { action.title + "…" }
    }

    private func alarms(_ view: DeviceView, _ session: PeopleSession, now: Timestamp) -> HTML {
        card("Open alarms", id: "alarms") {
            tag("ul", .class("tasks divided")) {
                for alarm in view.openAlarms { Pieces.alarm(alarm, session: session, now: now, backTo: "device") }
            }
        }
    }

    private func use(_ view: DeviceView, now: Timestamp) -> HTML {
        var facts: [(name: String, value: HTML)] = []
        if let contact = view.contact {
            facts += [
                ("Last contact", Times.element(contact.at, now: now)),
                ("Agent", .text(contact.agent)),
                (
                    "Software",
                    .text(contact.softwareVersion + (contact.slot.map { ", slot \($0)" } ?? ""))
                ),
            ]
        } else {
            facts.append(("Last contact", tag("span", .class("quiet"), text: "none in this tenure")))
        }
        facts.append(("Installed", release(view.update.installed)))
        if let offered = view.update.offered { facts.append(("Offered", release(offered))) }
        facts.append(("Configuration", configuration(view.configuration)))
        facts.append(("Device log", .text(counted(view.logEntries, "entry", "entries") + " taken over, hash-chained")))
        for (name, value) in (view.contact?.posture ?? [:]).sorted(by: { $0.key < $1.key }).prefix(64) {
            facts.append((name, .text(value)))
        }
        return card("In use", id: "use") { Pieces.facts(facts) }
    }

    private func release(_ known: DeviceView.UpdateView.Known?) -> HTML {
        guard let known else { return tag("span", .class("quiet"), text: "nothing by Lifelong yet") }
        return .text("\(known.version ?? "release"), sequence \(known.sequence) ")
            + Pieces.short(known.release.description, to: 12)
            + .text(known.observed == true ? " reported by its client, not signed" : "")
    }

    private func configuration(_ state: DeviceView.ConfigurationView) -> HTML {
        if state.wantedVersion == 0 { return tag("span", .class("quiet"), text: "none") }
        if state.appliedVersion == state.wantedVersion {
            return .text("version \(state.wantedVersion), in force, signed for by the device")
        }
        let applied = state.appliedVersion == 0 ? "none in force yet" : "version \(state.appliedVersion) in force"
        return .text("version \(state.wantedVersion) wanted, \(applied)")
    }

    private func tenures(_ view: DeviceView, now: Timestamp) -> HTML {
        card("Tenures", id: "tenures", lead: view.tenures.isEmpty ? nil : "Ending one destroys its data key.") {
            if view.tenures.isEmpty { tag("p", .class("quiet"), text: "Nobody has owned it yet.") }
            tag("ul", .class("tasks divided")) {
                for tenure in view.tenures.reversed() {
                    tag("li") {
                        tag("div", .class("what")) {
                            tag("p") {
                                tag(
                                    "span", .class("title"),
                                    text: tenure.owner?.name ?? (tenure.isOpen ? "An owner" : "A former owner"))
                                " "
                                tag("span", .class("chip"), text: tenure.grade.rawValue)
                                if tenure.isOpen {
                                    " "
                                    tag("span", .class("chip good"), text: "open")
                                }
                            }
                            tag("p", .class("soft")) {
                                "from " + Times.utc(tenure.since)
                                    + (tenure.ended.map { " to " + Times.utc($0) } ?? ", so far")
                            }
                        }
                    }
                }
            }
        }
    }
}

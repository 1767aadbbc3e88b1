import Passport
import Registry
import Wire

/// The lower half of a device's page: certificates, rights, and its whole life.
extension Console {
    func certificates(_ view: DeviceView, now: Timestamp) -> HTML {
        let current = view.operationalCertificates.first { $0.state == .good } ?? view.operationalCertificates.first
        return card("Certificates", id: "certificates") {
            tag("h3", .class("first"), text: "Birth")
            ChainPicture(
                title: "The birth certificate and who vouches for it", links: links(view.birthChain, now: now),
                missing: nil, id: "birth"
            ).html
            tag("h3", text: "Operational")
            ChainPicture(
                title: "The operational certificate and who vouches for it",
                links: operational(current, of: view, now: now),
                missing: current == nil ? "No operational certificate." : nil, id: "operational"
            ).html
            tag("h3", text: "All of them")
            certificateTable(view, now: now)
        }
    }

    /// Root first; the view has the leaf first.
    private func links(_ chain: [CertificateView], now: Timestamp) -> [ChainPicture.Link] {
        chain.reversed().enumerated().map { number, certificate in
            let isLeaf = number == chain.count - 1
            let role = isLeaf ? "Birth certificate" : number == 0 ? "Maker root" : "Birth CA"
            return place(certificate, role: role, now: now)
        }
    }

    /// The operational certificate below the house's own authorities.
    private func operational(_ current: CertificateView?, of view: DeviceView, now: Timestamp) -> [ChainPicture.Link] {
        let known = [
            (house.authorities.roots(Authorities.Name.operationalRoot).first?.name ?? "", "Operational root"),
            (house.authorities.issuing, "Issuing CA"),
        ]
        var places = known.compactMap { name, role in
            house.authorities.known(name).flatMap { CertificateWords.place($0, role: role, now: now) }
        }
        if let current {
            var leaf = place(current, role: "Operational certificate", now: now)
            // Its common name is the device's name, never its serial.
            if current.subject == nil { leaf.name = view.device.text }
            places.append(leaf)
        }
        return places
    }

    private func place(_ certificate: CertificateView, role: String, now: Timestamp) -> ChainPicture.Link {
        ChainPicture.Link(
            role: role, name: CertificateWords.commonName(certificate.subject ?? certificate.authority),
            serial: certificate.serial,
            until: CertificateWords.until(certificate.notAfter, now: now), state: certificate.state)
    }

    private func certificateTable(_ view: DeviceView, now: Timestamp) -> HTML {
        Pieces.table("Certificates", columns: ["Kind", "Serial", "State", "From", "Until", "Signed by", "SHA-256"]) {
            for certificate in view.birthChain.prefix(1) + view.operationalCertificates {
                tag("tr") {
                    tag("td", text: certificate.kind)
                    tag("td") { Pieces.short(certificate.serial, to: 16) }
                    tag("td", .class("nowrap")) { state(certificate) }
                    tag("td", .class("nowrap"), text: Times.day(certificate.notBefore))
                    tag("td", .class("nowrap"), text: CertificateWords.until(certificate.notAfter, now: now))
                    tag("td", .class("nowrap"), text: middleCut(certificate.authority, to: 28))
                    tag("td") { certificate.sha256.map { Pieces.short($0.description, to: 16) } ?? Self.none }
                }
            }
        }
    }

    private func state(_ certificate: CertificateView) -> HTML {
        let isGood = certificate.state == .good
        return tag("span", .class(isGood ? "chip good" : "chip bad")) {
            certificate.state.rawValue + (certificate.reason.map { ", " + spaced($0) } ?? "")
        }
    }

    func rights(_ view: DeviceView) -> HTML {
        card(
            "What it may do, and why", id: "rights",
            lead: "Computed from its stage at every request; nothing else grants a right."
        ) {
            Pieces.table("Rights", columns: ["Right", "Now", "Why", "Rule"]) {
                for right in view.rights {
                    tag("tr") {
                        tag("td", .class("nowrap"), text: right.right.title)
                        tag("td", .class("nowrap")) { ruling(right) }
                        tag("td", .class("long"), text: right.reason)
                        tag("td", .class("nowrap quiet mono"), text: right.rule)
                    }
                }
            }
        }
    }

    private func ruling(_ right: DeviceView.RightView) -> HTML {
        let words = spaced(right.ruling.rawValue)
        // An alarm at contact is no privilege: green would say that it is.
        if right.right == .contactAlarm {
            return tag("span", .class(right.allowed ? "chip warn" : "chip"), text: words)
        }
        return tag("span", .class(right.allowed ? "chip good" : "chip"), text: words)
    }

    func wholeLife(_ life: LifeView, _ session: PeopleSession, isNewest: Bool, now: Timestamp) -> HTML {
        let mayProve = Access.allows(.readLedger, session.principal)
        let name = life.serial
        let downloads = group {
            link(Place("/api/v1/devices", name, "passport"), "Passport (JSON)")
            " · "
            link(Place("/api/v1/devices", name, "evidence"), "Evidence with proofs")
        }
        let count = counted(life.entries.count, "event", "events")
        let lead = !isNewest ? "\(count) of earlier times." : life.isCut ? "The newest \(count)." : nil
        return card("Whole life", id: "life", lead: lead, beside: downloads) {
            tag("ol", .class("life")) {
                for (entry, stage) in Self.staged(life) {
                    tag("li", .class(stage.colorClass)) {
                        lifeEntry(entry, linkedAs: mayProve ? "Ledger entry" : nil, now: now)
                    }
                }
            }
            if !isNewest || life.older != nil { lifePager(life, isNewest: isNewest) }
        }
    }

    /// When it was, what happened, and by whom.
    /// - Parameter label: what the link to the ledger is called; nil for who may not read it.
    func lifeEntry(_ entry: LedgerEntryView, linkedAs label: String?, now: Timestamp) -> HTML {
        group {
            tag(
                "span", .class("when"), Attribute("title", Times.relative(entry.at, now: now)),
                text: Times.utc(entry.at))
            tag("span", .class("what"), text: entry.sentence)
            tag("span", .class("by")) {
                roleTitle(entry.byRole) + " "
                if let label {
                    link(Place("/ledger", String(entry.index)), .class("number"), .label("\(label) \(entry.index)")) {
                        "#" + grouped(entry.index)
                    }
                } else {
                    tag("span", .class("number"), text: "#" + grouped(entry.index))
                }
            }
        }
    }

    private func lifePager(_ life: LifeView, isNewest: Bool) -> HTML {
        let here = Place("/devices", life.serial)
        return tag("nav", .class("pager"), .label("Pages")) {
            tag("span", text: "")
            tag("span", .class("row")) {
                if !isNewest { link(here, .class("button")) { "Newest" } }
                if let older = life.older { link(here.with("before", String(older)), .class("button")) { "Older" } }
            }
        }
    }

    /// Each entry with the stage that the device was in after it.
    private static func staged(_ life: LifeView) -> [(LedgerEntryView, Stage)] {
        var stage = life.turns.reduce(Stage.made) { LifeLine.stage(after: $1.kind, in: $0) ?? $0 }
        return life.entries.map { entry in
            stage = LifeLine.stage(after: entry.kind, in: stage) ?? stage
            return (entry, stage)
        }
    }
}

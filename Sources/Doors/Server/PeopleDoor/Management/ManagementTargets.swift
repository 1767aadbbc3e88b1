import HTTPTypes
import Hummingbird
import Passport
import Registry
import Store
import Use
import Wire

/// Targets: devices. They are born at a station and paired by their owners; what a script calls making one is giving a device the
/// token with which its client authenticates.
extension Management {
    var targets: [PeopleRoute] {
        [
            route(
                .get, "/targets", "Devices, as hawkBit's targets.", needs: Self.sight, query: Paging.filtered,
                reply: "HawkBitTargetPage"
            ) { try await list($0) },
            route(
                .post, "/targets", "Gives devices the tokens of their stock clients; each is shown once.",
                needs: [.own],
                request: "HawkBitTargets", reply: "HawkBitTargetList", status: 201
            ) { try await make($0) },
            route(.get, "/targets/{target}", "One device.", needs: Self.sight, reply: "HawkBitTarget") { call in
                try await house.read { rows in
                    try target(Reading.visible(call.name("target"), to: call.principal, in: rows), call, in: rows)
                }
            },
            route(
                .delete, "/targets/{target}", "Refuses, because devices are not deleted.", needs: nil, reply: "none",
                status: 204
            ) { _ in
                throw Self.refuse(
                    "A device is not deleted: its life stands in the ledger.",
                    "End its tenure or its life (lifelong device retire), or give its client another token (lifelong device "
                        + "token).")
            },
            route(
                .get, "/targets/{target}/attributes", "What a device's stock client said of it.", needs: Self.sight,
                reply: "HawkBitAttributes"
            ) { call in
                try await house.read { rows in
                    let device = try Reading.visible(call.name("target"), to: call.principal, in: rows)
                    return try StockClient.find(device.id, in: rows).attributes ?? [:]
                }
            },
        ]
    }

    private func list(_ call: Call) async throws -> Document.Page<Document.Target> {
        let paging = try Paging(call.query, sortedBy: ["controllerid", "id", "name"], descending: false)
        let filter = try call.query.text("q").map { text throws(Refusal) in
            try RSQL(text, fields: ["controllerid", "id", "name"])
        }
        guard (filter?.comparisons.count ?? 0) <= 1 else {
            throw Refusal(
                .malformed, "A device has one serial.", hint: "Compare controllerId once.", rule: RSQL.rule)
        }
        let wanted = filter?.comparisons.first
        let page = try await door.reading.devices(
            from: paging.offset, limit: paging.limit, descending: paging.descending, serial: wanted?.text,
            isWhole: wanted?.isBeginning == false, as: call.principal)
        let shown = try await house.read { rows in try page.found.map { try target($0, call, in: rows) } }
        return Document.Page(shown, of: page.total)
    }

    private func target(_ device: Device, _ call: Call, in rows: any Rows) throws -> Document.Target {
        let actions = try UpdateAction.all(
            of: device, confirming: house.settings.confirmUpdates, at: house.clock(), in: rows)
        let contact = try Reading.lastContact(of: device.id, in: rows)
        let installed = device.passport.installed.flatMap { installed in
            actions.first { $0.release == installed.release }?.steps.last { $0.kind == .installed }?.at
        }
        let path = "/targets/\(device.serial)"
        return Document.Target(
            updateStatus: Self.status(device, actions.first, wasSeen: contact != nil), controllerId: device.serial,
            name: device.serial, requestAttributes: try StockClient.find(device.id, in: rows).attributes == nil,
            lastControllerRequestAt: contact?.milliseconds, installedAt: installed?.milliseconds, securityToken: nil,
            _links: [
                "self": call.link(path), "attributes": call.link(path + "/attributes"),
                "actions": call.link(path + "/actions"),
            ])
    }

    private static func status(_ device: Device, _ last: UpdateAction?, wasSeen: Bool) -> String {
        if device.passport.offeredUpdate != nil { return "pending" }
        if last?.outcome == .failed { return "error" }
        if device.passport.installed != nil { return "in_sync" }
        return wasSeen ? "registered" : "unknown"
    }

    /// All of them, or none.
    private func make(_ call: Call) async throws -> [Document.Target] {
        let asked = try await call.body([ManagementTarget].self)
        guard (1...AdoptDeviceTokens.limit).contains(asked.count) else {
            throw Refusal(
                .malformed, "The list has \(asked.count) targets.", hint: "Send 1 to \(AdoptDeviceTokens.limit).")
        }
        try await demandNew(asked, call)
        let brought = asked.filter { $0.securityToken != nil }.map {
            AdoptDeviceTokens.Held(device: $0.controllerId, token: $0.securityToken)
        }
        let tried = try await house.perform(AdoptDeviceTokens(tokens: brought, dryRun: true), as: call.principal)
        if let refused = tried.refused.first {
            throw Refusal(
                .malformed, "\(refused.device): \(refused.reason)", hint: "Mend it, and send the list again.",
                rule: "hawkBit: targets")
        }
        _ = try await house.perform(AdoptDeviceTokens(tokens: brought), as: call.principal)
        var made: [Document.Target] = []
        for one in asked {
            var token = one.securityToken
            if token == nil {
                token = try await house.perform(IssueDeviceToken(device: one.controllerId), as: call.principal).token
            }
            var shown = try await house.read { rows in
                try target(Reading.visible(one.controllerId, to: call.principal, in: rows), call, in: rows)
            }
            shown.securityToken = token
            made.append(shown)
        }
        return made
    }

    /// A device whose client has a token is there already, as far as a script is concerned: another token would end its own.
    private func demandNew(_ asked: [ManagementTarget], _ call: Call) async throws {
        try await house.read { rows in
            for one in asked {
                let device = try Reading.visible(one.controllerId, to: call.principal, in: rows)
                try Access.demandOwner(of: device, call.principal)
                let client = try StockClient.find(device.id, in: rows)
                guard client.token == nil || client.tenure != device.passport.tenure?.id else {
                    throw Refusal(
                        .conflict, "\(device.serial) has a token.",
                        hint: "Go on with it, or make another: lifelong device token.", rule: "hawkBit: targets")
                }
            }
            guard Set(asked.map(\.controllerId)).count == asked.count else {
                throw Refusal(.malformed, "A target stands in the list twice.", hint: "Name each once.")
            }
        }
    }
}

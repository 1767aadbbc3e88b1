import HTTPTypes
import Hummingbird
import Passport
import Registry
import Store
import Use
import Wire

/// Actions: offers of releases to a device, with what became of them.
extension Management {
    var actions: [PeopleRoute] {
        let path = "/targets/{target}/actions"
        let force = PeopleRoute.Parameter(
            name: "force", schema: "{type: boolean}", meaning: "Do not wait for a client that has begun.")
        return [
            route(
                .get, path, "Offers of releases to a device, newest first.", needs: Self.sight, query: Paging.plain,
                reply: "HawkBitActionPage"
            ) { call in
                let paging = try Paging(call.query, sortedBy: ["id"], descending: true)
                let (device, all) = try await actions(of: call)
                return paging.page(of: paging.descending ? all : all.reversed()) { show($0, of: device, call) }
            },
            route(
                .get, path + "/{action}", "One offer.", needs: Self.sight, reply: "HawkBitAction"
            ) { call in
                let (device, action) = try await action(of: call)
                var shown = show(action, of: device, call)
                if let set = try await house.read({ try Reading.number(of: action.release, in: $0) }) {
                    shown._links["distributionset"] = call.link(
                        "/distributionsets/\(set.number)", name: "\(set.product):\(set.version)")
                }
                return shown
            },
            route(
                .delete, path + "/{action}", "Takes an offer back.", needs: [.publish], query: [force], reply: "none",
                status: 204
            ) { call in
                let (device, action) = try await action(of: call)
                guard action.state != .closed else { throw over(action) }
                do {
                    _ = try await house.perform(
                        WithdrawUpdate(device: device.id.text, force: try call.query.flag("force")), as: call.principal)
                } catch let refusal as Refusal where refusal.rule == "passport: update" {
                    // It ended meanwhile.
                    throw over(action)
                }
                return nil
            },
            route(
                .get, path + "/{action}/status", "What became of an offer, and what the client said.",
                needs: Self.sight,
                query: Paging.plain, reply: "HawkBitStatusPage"
            ) { call in
                let paging = try Paging(call.query, sortedBy: ["id"], descending: true)
                let all = Self.statuses(try await action(of: call).action)
                return paging.page(of: paging.descending ? all.reversed() : all) { $0 }
            },
        ]
    }

    private func over(_ action: UpdateAction) -> Refusal {
        Refusal(.conflict, "The action \(action.id) is over.", hint: "Nothing is left to do.", rule: Self.notCancelable)
    }

    private func actions(of call: Call) async throws -> (device: Device, all: [UpdateAction]) {
        try await house.read { rows in
            let device = try Reading.visible(call.name("target"), to: call.principal, in: rows)
            return (
                device,
                try UpdateAction.all(
                    of: device, confirming: house.settings.confirmUpdates, at: house.clock(), in: rows)
            )
        }
    }

    private func action(of call: Call) async throws -> (device: Device, action: UpdateAction) {
        let number = try call.number("action")
        let (device, all) = try await actions(of: call)
        guard let action = all.first(where: { $0.id == number }) else {
            throw Refusal(
                .notFound, "The device has no action \(number), or it was long ago.",
                hint: "List them, or look at its life: GET /api/v1/devices/\(device.serial)/passport")
        }
        return (device, action)
    }

    private func show(_ action: UpdateAction, of device: Device, _ call: Call) -> Document.Action {
        let detail = Self.detail(action)
        let isCancelled = ["canceling", "canceled"].contains(detail)
        let path = "/targets/\(device.serial)"
        let status = action.state != .closed ? "pending" : isCancelled ? "canceled" : "finished"
        return Document.Action(
            id: action.id, type: isCancelled ? "cancel" : "update", status: status, detailStatus: detail,
            createdAt: action.steps.first?.at.milliseconds ?? 0,
            lastModifiedAt: max(
                action.steps.last?.at ?? .init(milliseconds: 0), action.saidAt ?? .init(milliseconds: 0)
            )
            .milliseconds,
            _links: [
                "self": call.link("\(path)/actions/\(action.id)"), "target": call.link(path, name: device.serial),
                "status": call.link("\(path)/actions/\(action.id)/status?offset=0&limit=50&sort=id:DESC"),
            ])
    }

    private static func detail(_ action: UpdateAction) -> String {
        switch action.state {
        case .waiting: "wait_for_confirmation"
        case .running: "running"
        case .cancelling: "canceling"
        case .closed: type(of: action.outcome ?? .offered)
        }
    }

    /// An offer that another one replaced is over without having been taken back.
    private static func type(of kind: UpdateAction.Kind) -> String {
        switch kind {
        case .installed: "finished"
        case .failed: "error"
        case .withdrawn, .offered: "canceled"
        }
    }

    /// Oldest first. What a client said stands with the newest: it is kept without the moments of each word.
    private static func statuses(_ action: UpdateAction) -> [Document.Status] {
        var all = action.steps.enumerated().map { place, step in
            Document.Status(
                id: place + 1, type: place == 0 ? "running" : type(of: step.kind),
                messages: ["\(step.kind.rawValue) by \(step.by)"], reportedAt: step.at.milliseconds)
        }
        guard !action.messages.isEmpty || action.state == .cancelling else { return all }
        if action.state != .closed || action.steps.count == 1 {
            all.append(
                Document.Status(
                    id: all.count + 1, type: detail(action), messages: [],
                    reportedAt: (action.saidAt ?? action.steps[0].at).milliseconds))
        }
        let last = all.count - 1
        all[last].messages = action.messages.reversed() + all[last].messages
        return all
    }
}

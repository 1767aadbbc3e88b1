import Mender
import NIOCore
import NIOHTTP1
import Passport
import Registry
import Use
import Wire

extension MenderAPI {
    /// What there is to do.
    /// - Parameters:
    ///   - isWhole: the device says everything that it provides.
    ///   - read: what it says.
    func next(
        _ request: PlaneRequest, isWhole: Bool, _ read: @escaping @Sendable () throws -> [String: String]
    ) throws -> PlaneOutcome {
        guard let session = Self.session(request.headers.first(name: "Authorization") ?? "") else {
            throw MenderTickets.noSession
        }
        let certificate = self.certificate(of: request)
        return try asMender(request) { caller in
            // Whoever could have a remedy may ask whether there is one.
            try caller.passport.demand(.firmware, for: .remedy)
            let said = try read()
            note(caller, said)
            guard let deployment = caller.deployment, deployment.isOpen else { return Self.nothing }
            switch deployment.state {
            case .running: break
            case .waiting, .closed: return Self.nothing
            case .cancelling:
                // It asks for work only when it has none: it has stopped, or never begun.
                _ = try await perform(
                    ReportCancellation(action: deployment.action, step: .stopped, messages: ["stopped"]), of: caller)
                return Self.nothing
            }
            guard let artifact = deployment.release.form.mender else {
                return try await misfit("The release is no Mender artifact.", deployment, caller)
            }
            if let misfit = artifact.misfit(said, isWhole: isWhole) {
                return try await self.misfit(misfit, deployment, caller)
            }
            let link = try await self.link(to: deployment.action, in: session, over: certificate, caller)
            return try .json(
                MenderDeployment(
                    id: "\(deployment.action)",
                    artifact: .init(
                        artifact_name: artifact.name, device_types_compatible: artifact.deviceTypes,
                        source: .init(
                            uri: "\(caller.base)\(Self.download)/\(link.ticket)", expire: link.until.description))))
        }
    }

    /// The one of the poll before, if it is good for long enough: a new one would cost a write, and end a download that is under way.
    private func link(
        to action: Int64, in session: ShownTicket, over certificate: Wire.Digest?, _ caller: StockCaller
    ) async throws -> IssueMenderTicket.Answer {
        let now = try door.house.time()
        if let same = caller.client.mender.link(to: action, in: session, over: certificate, at: now) { return same }
        return try await perform(
            IssueMenderTicket(action: action, in: session, certificate: certificate), of: caller)
    }

    /// It never gets what it cannot take, and that is how the offer ends.
    private func misfit(_ why: String, _ deployment: Deployment, _ caller: StockCaller) async throws -> PlaneAnswer {
        _ = try await perform(
            ReportDeployment(action: deployment.action, step: .failed, messages: [why]), of: caller)
        return Self.nothing
    }

    /// That it called, as of a check-in.
    private func note(_ caller: StockCaller, _ said: [String: String]) {
        let runs = said["artifact_name"] ?? ""
        let printable = runs.unicodeScalars.filter { (0x20...0x7e).contains($0.value) }.prefix(80)
        let report = CheckInReport(
            agent: "Mender: \(String(String.UnicodeScalarView(printable)))",
            sequence: caller.passport.installed?.sequence ?? 0, version: "",
            configuration: caller.passport.configurationApplied, posture: [:])
        door.house.contacts.note(
            .init(
                device: caller.device.id, tenure: caller.passport.tenure?.id, at: door.house.clock(), report: report))
    }

    // MARK: - How it goes

    func status(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asMender(request) { caller in
            try demandFirmware(caller)
            let action = try self.action(request)
            let said = try body(MenderStatus.self, of: request, limit: MenderStatus.maximumBytes)
            let present = caller.deployment.flatMap { $0.action == action ? $0 : nil }
            let isCancelled = present?.state == .cancelling
            if isCancelled, said.step == .underWay { throw Self.over(action) }
            // Clients say everything several times.
            if said.step == .underWay, present?.state == .running, present?.messages.last == said.message {
                return Self.nothing
            }
            do {
                if isCancelled, said.step == .failed {
                    _ = try await perform(
                        ReportCancellation(action: action, step: .stopped, messages: [said.message]), of: caller)
                } else {
                    _ = try await perform(
                        ReportDeployment(action: action, step: said.step, messages: [said.message]), of: caller)
                }
            } catch let refusal as Refusal where refusal.code == .gone {
                if said.step == .installed, let release = try await earlier(action, caller) {
                    _ = try await perform(ReportInstalled(release: release), of: caller)
                    return Self.nothing
                }
                guard try await wasSaid(said.step, action, caller) else { throw Self.over(action) }
            }
            return Self.nothing
        }
    }

    /// The release of an action that was taken back or replaced before the client was done with it.
    private func earlier(_ action: Int64, _ caller: StockCaller) async throws -> Wire.Digest? {
        try await door.house.read { rows in
            let found = try Deployment.earlier(on: caller.device, caller.client, in: rows)
            return found?.action == action ? found?.release.digest : nil
        }
    }

    /// Whether the action ended just as the client says once more.
    private func wasSaid(_ step: ReportDeployment.Step, _ action: Int64, _ caller: StockCaller) async throws -> Bool {
        let id = caller.device.id
        return try await door.house.read { rows in
            let client = try StockClient.find(id, in: rows)
            switch step {
            case .underWay: return false
            case .failed: return client.progress?.action == action && client.progress?.state == .closed
            case .installed:
                let device = try Device.require(id.text, in: rows)
                return try Deployment.installed(on: device, client, in: rows)?.action == action
            }
        }
    }

    /// The client's word for it: 409, and it stops and goes back.
    private static func over(_ action: Int64) -> Refusal {
        Refusal(
            .conflict, "The deployment \(action) is over, or was taken back.", hint: "Stop, and go back.",
            rule: "action: over")
    }

    func log(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asMender(request) { caller in
            let action = try self.action(request)
            let said = try body(MenderLog.self, of: request, limit: MenderLog.maximumBytes)
            _ = try await perform(NoteDeployment(action: action, messages: said.lines), of: caller)
            return Self.nothing
        }
    }

    /// The right to what is offered; to ordinary software, if nothing is.
    private func demandFirmware(_ caller: StockCaller) throws(Refusal) {
        try caller.passport.demand(.firmware, for: caller.passport.offeredUpdate?.purpose ?? .ordinary)
    }

    // MARK: - The artifact

    func artifact(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asDownload(request) { caller in
            try demandFirmware(caller)
            guard let deployment = caller.deployment, deployment.action == caller.client.mender.download?.action,
                deployment.state == .running
            else {
                throw Refusal(
                    .forbidden, "That artifact is not offered to this device any more.",
                    hint: "Ask for the next deployment.", rule: "update: offered only")
            }
            let sha256 = deployment.release.sha256
            try await door.house.read { rows in
                try Updates.demand(sha256, for: Device.require(caller.device.id.text, in: rows), in: rows)
            }
            return try ArtifactFile(folder: door.house.settings.artifactFolder, sha256: sha256).answer(to: request)
        }
    }
}

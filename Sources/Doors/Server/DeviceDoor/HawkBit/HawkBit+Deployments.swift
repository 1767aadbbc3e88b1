import Crypto
import NIOCore
import NIOHTTP1
import Passport
import Registry
import Use
import Wire

extension HawkBit {
    /// The right to what is offered; to ordinary software, if nothing is.
    private func demandFirmware(_ caller: StockCaller) throws(Refusal) {
        try caller.passport.demand(.firmware, for: caller.passport.offeredUpdate?.purpose ?? .ordinary)
    }

    /// What the device may take, if it is in that state; the stage's refusal, if there is something that it may not take.
    private func require(
        _ state: StockClient.State, _ caller: StockCaller, _ request: PlaneRequest
    ) throws(Refusal) -> Deployment {
        try demandFirmware(caller)
        let action = try number(2, of: request)
        guard let deployment = caller.deployment, deployment.action == action, deployment.state == state else {
            throw nothing()
        }
        return deployment
    }

    /// "actionHistory=n": so many messages; -1 asks for all.
    private func historyLimit(_ request: PlaneRequest) -> Int? {
        request.query.split(separator: "&", maxSplits: 16).contains("actionHistory=-1")
            ? -1 : request.number("actionHistory")
    }

    func deployment(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            let deployment = try await personal(try require(.running, caller, request), caller)
            if caller.client.progress?.action != deployment.action {
                // Some say nothing until all is downloaded: from here on it may be under way, and who takes it back asks it first.
                _ = try await perform(ReportDeployment(action: deployment.action, step: .underWay), of: caller)
            }
            return try answer(
                HawkBitDeploymentAnswer(
                    id: "\(deployment.action)", deployment: HawkBitDeployment(deployment, below: caller.base),
                    actionHistory: HawkBitHistory(deployment, atMost: historyLimit(request))), to: request)
        }
    }

    func feedback(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            try demandFirmware(caller)
            let said = try body(HawkBitFeedback.self, of: request, limit: HawkBitFeedback.maximumBytes)
            return try await perform(
                ReportDeployment(
                    action: try number(2, of: request), step: said.deployment, messages: said.messages), of: caller)
        }
    }

    func cancellation(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            let id = "\(try require(.cancelling, caller, request).action)"
            return try answer(HawkBitCancelAnswer(id: id, cancelAction: .init(stopId: id)), to: request)
        }
    }

    func cancelled(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            try demandFirmware(caller)
            let said = try body(HawkBitFeedback.self, of: request, limit: HawkBitFeedback.maximumBytes)
            let report = ReportCancellation(
                action: try number(2, of: request), step: said.cancellation, messages: said.messages)
            do {
                return try await perform(report, of: caller)
            } catch let refusal as Refusal where refusal.rule == ReportCancellation.notCancelable {
                // What the interface says of an action that nobody wants to end.
                var answer = PlaneAnswer.refusal(refusal, status: 405)
                // None is allowed here now (RFC 9110 §10.2.1).
                answer.fields.append(("Allow", ""))
                return answer
            }
        }
    }

    // MARK: - Confirmation

    func confirmations(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            try caller.passport.demand(.firmware, for: .remedy)
            let path = caller.base + "/confirmationBase"
            let auto = caller.client.autoConfirm
            var links = HawkBitConfirmationState.Links()
            if let deployment = caller.deployment, deployment.state == .waiting {
                links.confirmationBase = HawkBitLink(href: "\(path)/\(deployment.action)")
            }
            if auto == nil {
                links.activateAutoConfirm = HawkBitLink(href: path + "/activateAutoConfirm")
            } else {
                links.deactivateAutoConfirm = HawkBitLink(href: path + "/deactivateAutoConfirm")
            }
            return try answer(
                HawkBitConfirmationState(
                    autoConfirm: .init(
                        active: auto != nil, initiator: auto?.initiator, remark: auto?.remark,
                        activatedAt: auto?.at.milliseconds), _links: links), to: request)
        }
    }

    func confirmation(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            let deployment = try await personal(try require(.waiting, caller, request), caller)
            return try answer(
                HawkBitConfirmationAnswer(
                    id: "\(deployment.action)", confirmation: HawkBitDeployment(deployment, below: caller.base),
                    actionHistory: HawkBitHistory(deployment, atMost: historyLimit(request))), to: request)
        }
    }

    func confirmed(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            try demandFirmware(caller)
            let said = try body(HawkBitConfirmation.self, of: request, limit: HawkBitConfirmation.maximumBytes)
            return try await perform(
                ConfirmDeployment(
                    action: try number(2, of: request), confirmed: said.confirmation == .confirmed,
                    messages: said.messages), of: caller)
        }
    }

    func autoConfirm(_ request: PlaneRequest, isActive: Bool) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            try caller.passport.demand(.backEnd)
            var said = HawkBitAutoConfirm()
            if request.body.readableBytes > 0 {
                said = try body(HawkBitAutoConfirm.self, of: request, limit: HawkBitAutoConfirm.maximumBytes)
            }
            return try await perform(
                SetAutoConfirm(isActive: isActive, initiator: said.initiator ?? "", remark: said.remark ?? ""),
                of: caller)
        }
    }

    // MARK: - What is installed

    func installed(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            try caller.passport.demand(.firmware, for: .remedy)
            let action = try number(2, of: request)
            let found = try await door.house.read { rows in
                try Deployment.installed(on: caller.device, caller.client, in: rows)
            }
            guard let installed = found, installed.action == action else { throw nothing() }
            return try answer(
                HawkBitDeploymentAnswer(
                    id: "\(action)", deployment: HawkBitDeployment(installed, below: caller.base),
                    actionHistory: HawkBitHistory(installed, atMost: historyLimit(request))), to: request)
        }
    }

    /// What the device says it runs: what is known already, or what is offered to it.
    func reportInstalled(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            try caller.passport.demand(.firmware, for: caller.passport.offeredUpdate?.purpose ?? .remedy)
            let said = try body(HawkBitInstalled.self, of: request, limit: HawkBitInstalled.maximumBytes)
            func isSame(_ deployment: Deployment) -> Bool {
                said.name == deployment.release.product.text && said.version == deployment.release.version
            }
            if let offered = caller.deployment, isSame(offered) {
                return try await perform(ReportDeployment(action: offered.action, step: .installed), of: caller)
            }
            let (known, earlier) = try await door.house.read { rows in
                (
                    try Deployment.installed(on: caller.device, caller.client, in: rows),
                    try Deployment.earlier(on: caller.device, caller.client, in: rows)
                )
            }
            if let earlier, isSame(earlier) {
                return try await perform(ReportInstalled(release: earlier.release.digest), of: caller)
            }
            guard let known, isSame(known) else {
                throw Refusal(
                    .notFound, "Nothing of that name and version was offered to this device.",
                    hint: "Name the product and the release's version.")
            }
            return PlaneAnswer([], type: nil)
        }
    }

    // MARK: - Files

    /// The file of that module, as long as it is offered to the device and not being taken back; by the same demand as our
    /// own agent's.
    private func file(_ caller: StockCaller, _ request: PlaneRequest) async throws -> Deployment.ReleaseFile {
        try demandFirmware(caller)
        let module = try number(2, of: request)
        guard let deployment = caller.deployment, Int64(deployment.release.sequence) == module else {
            throw Refusal(
                .forbidden, "That module is not offered to this device.", hint: "Poll and fetch what is offered.",
                rule: "update: offered only")
        }
        guard deployment.state == .running else {
            throw Refusal(
                .forbidden, "The update waits for its confirmation, or is being taken back.",
                hint: "Poll, and take what the answer links to.", rule: "action: not running")
        }
        let sha256 = deployment.release.stored
        try await door.house.read { rows in
            try Updates.demand(sha256, for: Device.require(caller.device.id.text, in: rows), in: rows)
        }
        return deployment.release
    }

    /// As this device gets it: what is encrypted has an end for its certificate, and so a size and hashes of its own.
    private func personal(_ deployment: Deployment, _ caller: StockCaller) async throws -> Deployment {
        guard deployment.release.encryption != nil else { return deployment }
        var deployment = deployment
        deployment.release = try await bundle(deployment.release, caller).file
        return deployment
    }

    private func bundle(
        _ file: Deployment.ReleaseFile, _ caller: StockCaller
    ) async throws -> (file: Deployment.ReleaseFile, end: [UInt8]) {
        guard file.encryption != nil else { return (file, []) }
        return try await door.envelopes.bundle(file, of: caller.device, for: caller.certificate)
    }

    func artifacts(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            let file = try await bundle(try await self.file(caller, request), caller).file
            return try answer([HawkBitDeployment.Artifact(file, below: caller.base)], to: request)
        }
    }

    func artifact(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            let (file, end) = try await bundle(try await self.file(caller, request), caller)
            switch request.parameters.count > 3 ? String(request.parameters[3]) : "" {
            case file.name:
                return try ArtifactFile(
                    folder: door.house.settings.artifactFolder, sha256: file.stored, end: end, whole: file.sha256
                ).answer(to: request)
            case file.name + ".MD5SUM":
                return PlaneAnswer(Array("\(file.form.md5)  \(file.name)\n".utf8), type: "text/plain")
            default: throw nothing()
            }
        }
    }
}

import NIOCore
import NIOHTTP1
import Passport
import Registry
import Use
import Wire

/// hawkBit's Direct Device Integration, version 1, for SWUpdate, rauc-hawkbit-updater and others (docs/stock-clients.md). The
/// first segment, hawkBit's tenant, may be anything: which house this is, the address says.
struct HawkBit: Sendable {
    let door: DeviceDoor
    static let path = "/*/controller/v1/*"

    /// Whether the path is a controller's, or below one.
    static func isBelow(_ path: String) -> Bool {
        let parts = path.split(separator: "/", maxSplits: 4, omittingEmptySubsequences: false)
        return parts.count > 4 && parts[2] == "controller" && parts[3] == "v1"
    }

    func add(to routes: inout PlaneRoutes) {
        let path = Self.path
        routes.get(path) { try base($0) }
        routes.put(path + "/configData", limit: HawkBitAttributes.maximumBytes) { try attributes($0) }
        routes.get(path + "/deploymentBase/*") { try deployment($0) }
        routes.post(path + "/deploymentBase/*/feedback", limit: HawkBitFeedback.maximumBytes) { try feedback($0) }
        routes.get(path + "/cancelAction/*") { try cancellation($0) }
        routes.post(path + "/cancelAction/*/feedback", limit: HawkBitFeedback.maximumBytes) { try cancelled($0) }
        routes.get(path + "/confirmationBase") { try confirmations($0) }
        routes.post(path + "/confirmationBase/activateAutoConfirm", limit: HawkBitAutoConfirm.maximumBytes) {
            try autoConfirm($0, isActive: true)
        }
        routes.post(path + "/confirmationBase/deactivateAutoConfirm", limit: HawkBitAutoConfirm.maximumBytes) {
            try autoConfirm($0, isActive: false)
        }
        routes.get(path + "/confirmationBase/*") { try confirmation($0) }
        routes.post(path + "/confirmationBase/*/feedback", limit: HawkBitConfirmation.maximumBytes) {
            try confirmed($0)
        }
        routes.put(path + "/installedBase", limit: HawkBitInstalled.maximumBytes) { try reportInstalled($0) }
        routes.get(path + "/installedBase/*") { try installed($0) }
        routes.get(path + "/softwaremodules/*/artifacts") { try artifacts($0) }
        routes.get(path + "/softwaremodules/*/artifacts/*") { try artifact($0) }
    }

    // MARK: - The poll

    private func base(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            // Whoever could have a remedy may ask whether there is one.
            try caller.passport.demand(.firmware, for: .remedy)
            note(caller, request)
            var links = HawkBitPoll.Links()
            if caller.passport.allows(.backEnd), caller.client.attributes == nil {
                links.configData = HawkBitLink(href: caller.base + "/configData")
            }
            if let deployment = caller.deployment, deployment.isOpen {
                // A changed release under the same number would be another document.
                let mark = deployment.release.digest.bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
                switch deployment.state {
                case .waiting:
                    links.confirmationBase = HawkBitLink(
                        href: "\(caller.base)/confirmationBase/\(deployment.action)?c=\(mark)")
                case .running, .closed:
                    links.deploymentBase = HawkBitLink(
                        href: "\(caller.base)/deploymentBase/\(deployment.action)?c=\(mark)")
                case .cancelling:
                    links.cancelAction = HawkBitLink(href: "\(caller.base)/cancelAction/\(deployment.action)")
                }
            } else if let installed = try await door.house.read({ rows in
                try Deployment.installed(on: caller.device, caller.client, in: rows)
            }) {
                links.installedBase = HawkBitLink(href: "\(caller.base)/installedBase/\(installed.action)")
            }
            let sleep = HawkBitPoll.sleep(door.house.settings.checkInSeconds)
            let body = HawkBitPoll(config: .init(polling: .init(sleep: sleep)), _links: links)
            return tagged(try answer(body, to: request), request)
        }
    }

    /// That it called, as of a check-in. What it said of itself is kept with its token, and never on its way: it must not
    /// arrive after its tenure has ended.
    private func note(_ caller: StockCaller, _ request: PlaneRequest) {
        let agent = request.headers.first(name: "User-Agent") ?? ""
        let printable = agent.unicodeScalars.filter { (0x20...0x7e).contains($0.value) }.prefix(80)
        let report = CheckInReport(
            agent: "hawkBit DDI: \(String(String.UnicodeScalarView(printable)))",
            sequence: caller.passport.installed?.sequence ?? 0, version: "",
            configuration: caller.passport.configurationApplied, posture: [:])
        door.house.contacts.note(
            .init(
                device: caller.device.id, tenure: caller.passport.tenure?.id, at: door.house.clock(), report: report))
    }

    /// ETag and If-None-Match (RFC 9110 §8.8.3, §13.1.2).
    private func tagged(_ whole: PlaneAnswer, _ request: PlaneRequest) -> PlaneAnswer {
        guard case .bytes(let bytes) = whole.body else { return whole }
        let tag = EntityTag(of: bytes)
        var answer = tag.isHeld(by: request.headers) ? PlaneAnswer([], type: nil, status: 304) : whole
        answer.fields.append(("ETag", tag.text))
        return answer
    }

    private func attributes(_ request: PlaneRequest) throws -> PlaneOutcome {
        try asStockClient(request) { caller in
            try caller.passport.demand(.backEnd)
            let said = try body(HawkBitAttributes.self, of: request, limit: HawkBitAttributes.maximumBytes)
            return try await perform(
                KeepAttributes(mode: said.mode ?? .merge, attributes: said.data), of: caller)
        }
    }

    // MARK: - Bytes

    func perform(_ action: some Action, of caller: StockCaller) async throws -> PlaneAnswer {
        _ = try await door.house.perform(action, as: .device(caller.device.id))
        return PlaneAnswer([], type: nil)
    }

    /// Clients send JSON, some of them as HAL or with a character set; or CBOR.
    func body<T: Decodable>(_ type: T.Type, of request: PlaneRequest, limit: Int) throws -> T {
        let bytes = Array(request.body.readableBytesView)
        switch request.mediaType {
        case "application/json", "application/hal+json":
            return try CanonicalJSON.decode(type, from: bytes, limit: limit)
        case CBOR.mediaType:
            // A text may be longer as JSON: the bound was kept before.
            return try CanonicalJSON.decode(type, from: CBOR.json(from: bytes, limit: limit))
        default:
            throw Refusal(
                .unsupported, "The body must be application/json, application/hal+json or application/cbor.",
                hint: "Send JSON with \"Content-Type: application/json\".")
        }
    }

    /// HAL, unless the client names plain JSON alone, or CBOR alone.
    func answer(_ value: some Encodable, to request: PlaneRequest) throws -> PlaneAnswer {
        let accept = request.headers.first(name: "Accept")?.lowercased() ?? "*/*"
        let json = try CanonicalJSON.encode(value)
        if accept.contains(CBOR.mediaType), !accept.contains("json") {
            return PlaneAnswer(try CBOR.encode(json: json), type: CBOR.mediaType)
        }
        let isPlain = accept.contains("application/json") && !accept.contains("hal+json")
        return PlaneAnswer(json, type: isPlain ? "application/json" : "application/hal+json")
    }

    /// A number in the path, of at most 15 digits.
    func number(_ place: Int, of request: PlaneRequest) throws(Refusal) -> Int64 {
        guard request.parameters.count > place else { throw nothing() }
        let digits = request.parameters[place].utf8
        guard (1...15).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
            let number = Int64(request.parameters[place])
        else { throw nothing() }
        return number
    }

    func nothing() -> Refusal {
        Refusal(
            .notFound, "There is no such action or file of this device.",
            hint: "Poll, and take what the answer links to.")
    }
}

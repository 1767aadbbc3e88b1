import NIOCore
import NIOHTTP1
import Passport
import Registry
import Use
import Wire

/// Mender's device API, for the Mender client as it is (docs/stock-clients.md).
package struct MenderAPI: Sendable {
    let door: DeviceDoor
    static let base = "/api/devices"
    static let download = base + "/v1/deployments/download"

    func add(to routes: inout PlaneRoutes) {
        let (v1, v2) = (Self.base + "/v1", Self.base + "/v2")
        let deployments = "/deployments/device/deployments"
        routes.post(v1 + "/authentication/auth_requests", limit: MenderAuthRequest.maximumBytes) {
            try authenticate($0)
        }
        let inventory = v1 + "/inventory/device/attributes"
        routes.put(inventory, limit: MenderAttribute.maximumBytes) { try attributes($0, .replace) }
        routes.patch(inventory, limit: MenderAttribute.maximumBytes) { try attributes($0, .merge) }
        routes.post(v2 + deployments + "/next", limit: MenderNext.maximumBytes) { request in
            try next(request, isWhole: true) {
                try body(MenderNext.self, of: request, limit: MenderNext.maximumBytes).device_provides.mapValues(\.text)
            }
        }
        routes.post(v1 + deployments + "/next", limit: MenderNext.maximumBytes) { request in
            try next(request, isWhole: true) {
                try body([String: MenderText].self, of: request, limit: MenderNext.maximumBytes).mapValues(\.text)
            }
        }
        routes.get(v1 + deployments + "/next") { request in
            try next(request, isWhole: false) { try said(in: request.query) }
        }
        routes.put(v1 + deployments + "/*/status", limit: MenderStatus.maximumBytes) { try status($0) }
        routes.put(v1 + deployments + "/*/log", limit: MenderLog.maximumBytes) { try log($0) }
        routes.get(Self.download + "/*") { try artifact($0) }
    }

    // MARK: - Inventory

    private func attributes(_ request: PlaneRequest, _ mode: KeepAttributes.Mode) throws -> PlaneOutcome {
        try asMender(request) { caller in
            try caller.passport.demand(.backEnd)
            let said = try body([MenderAttribute].self, of: request, limit: MenderAttribute.maximumBytes)
            // Lists of addresses and the like grow long; their beginning says enough.
            let bounded = MenderAttribute.all(said).mapValues { $0.cut(to: StockClient.maximumAttributeBytes) }
            _ = try await perform(KeepAttributes(mode: mode, attributes: bounded), of: caller)
            // The client takes 204 for an error.
            return PlaneAnswer([], type: nil, status: 200)
        }
    }

    // MARK: - Bytes

    func perform<Asked: Action>(_ action: Asked, of caller: StockCaller) async throws -> Asked.Answer {
        try await door.house.perform(action, as: .device(caller.device.id))
    }

    static var nothing: PlaneAnswer { PlaneAnswer([], type: nil, status: 204) }

    /// A refusal in the form that Mender's clients write into their log.
    static func shown(_ refusal: Refusal) -> [UInt8] {
        (try? CanonicalJSON.encode(MenderRefusal(Answers.face(of: refusal)))) ?? Answers.shown(refusal)
    }

    func demandJSON(_ request: PlaneRequest) throws(Refusal) {
        guard request.mediaType == "application/json" else {
            throw Refusal(
                .unsupported, "The body must be application/json.",
                hint: "Send JSON with \"Content-Type: application/json\".")
        }
    }

    func body<T: Decodable>(_ type: T.Type, of request: PlaneRequest, limit: Int) throws(Refusal) -> T {
        try demandJSON(request)
        return try CanonicalJSON.decode(type, from: Array(request.body.readableBytesView), limit: limit)
    }

    /// What stands in a query: "artifact_name=release-1&device_type=board".
    private func said(in query: Substring) throws(Refusal) -> [String: String] {
        var said: [String: String] = [:]
        for part in query.split(separator: "&", maxSplits: 16) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2,
                let value = PercentEncoding.decode(Substring(String(pair[1].map { $0 == "+" ? " " : $0 })))
            else {
                throw Refusal(
                    .malformed, "The query cannot be read.", hint: "Send artifact_name=…&device_type=….",
                    rule: "mender: query")
            }
            said[String(pair[0])] = value
        }
        return said
    }

    /// The number in the path, of at most 15 digits.
    func action(_ request: PlaneRequest) throws(Refusal) -> Int64 {
        let text = request.parameters.first ?? ""
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int64(text)
        else {
            throw Refusal(
                .notFound, "There is no such deployment of this device.", hint: "Ask for the next deployment.")
        }
        return number
    }
}

extension String {
    /// Between two characters.
    fileprivate func cut(to bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        var kept = ""
        var count = 0
        for scalar in unicodeScalars {
            count += String(scalar).utf8.count
            guard count <= bytes else { break }
            kept.unicodeScalars.append(scalar)
        }
        return kept
    }
}

import Crypto
import NIOHTTP1
import Passport
import Registry
import Store
import Trust
import Use
import Wire

/// A device of a stock client that proved who it is, as everything stands at this request.
struct StockCaller: Sendable {
    let device: Device
    let client: StockClient
    /// What it may take.
    let deployment: Deployment?
    /// DER of the certificate that it showed; nil if it came with a token.
    let certificate: [UInt8]?
    /// Its own place, as it called it: "https://devices.example:8443/DEFAULT/controller/v1/THERMOSTAT-2-7KQ2M9XA".
    let base: String
    var passport: Passport { device.passport }
}

/// An Authorization header of hawkBit's kind: the scheme in exactly these letters, one space, the token.
package enum HawkBitCredentials: Sendable, Equatable {
    case target(String)
    /// One for all devices of a product, where its maker wants that.
    case gateway(String)

    package init?(_ header: String?) {
        guard let header, header.utf8.count <= DeviceToken.maximumBytes else { return nil }
        let parts = header.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty, parts[1].utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return nil
        }
        switch parts[0] {
        case "TargetToken": self = .target(String(parts[1]))
        case "GatewayToken": self = .gateway(String(parts[1]))
        default: return nil
        }
    }
}

extension HawkBit {
    /// `work` for the device whose name stands in the path, if it is the one that calls: by its certificate where it shows
    /// one, else by its token. Then rights are judged by what the passport says at this moment.
    func asStockClient(
        _ request: PlaneRequest, _ work: @escaping @Sendable (StockCaller) async throws -> PlaneAnswer
    ) throws -> PlaneOutcome {
        let name = request.parameters.count > 1 ? String(request.parameters[1]) : ""
        if request.peer.certificate == nil {
            let authorization = request.headers.first(name: "Authorization")
            if let shown = HawkBitCredentials(authorization) {
                // For the device, too: many may show one gateway token.
                let share = SHA256.hash(data: Array("\(name)\n\(authorization ?? "")".utf8))
                try door.demandFair(token: share)
                return .later { try await work(try await admit(shown, name, request)) }
            }
        }
        return try door.asCaller(request) { caller in
            if !caller.isBirth || caller.passport.allows(.backEnd) { try caller.requireOperational() }
            let id = caller.device
            return .later {
                let found = try await door.house.read { rows -> StockCaller in
                    let device = try Device.require(id.text, in: rows)
                    guard name == device.serial || name == device.id.text else {
                        throw Refusal(
                            .forbidden, "This is not the controller of the certificate that was shown.",
                            hint: "Use the device's own serial or name as the controller's id.",
                            rule: "controller: own path")
                    }
                    return try self.caller(device, try StockClient.find(device.id, in: rows), request, in: rows)
                }
                return try await work(found)
            }
        }
    }

    /// Says of a device that is not there, or is another's, what it says of a wrong token.
    private func admit(
        _ shown: HawkBitCredentials, _ name: String, _ request: PlaneRequest
    ) async throws -> StockCaller {
        let isSuspect = door.tokenAttempts.isSpent(request.peer.address, at: try door.house.time())
        if isSuspect { try door.suspects.enter() }
        defer { if isSuspect { door.suspects.leave() } }
        let found = try await door.house.read { rows -> StockCaller? in
            let admitted =
                switch shown {
                case .target(let token): try DeviceToken.admit(token, of: name, in: rows)
                case .gateway(let token): try SetGatewayToken.admit(token, of: name, in: rows)
                }
            guard let (device, client) = admitted else { return nil }
            return try caller(device, client, request, in: rows)
        }
        guard let found else {
            let now = try door.house.time()
            let address = request.peer.address
            try door.tokenAttempts.demand(address, at: now)
            door.tokenAttempts.failed(address, at: now)
            if case .gateway = shown {
                throw Refusal(
                    .unauthenticated, "No such token speaks for the devices of this product.",
                    hint: "Give each device a certificate, or a token of its own: lifelong device token.",
                    rule: "token: product")
            }
            throw Refusal(
                .unauthenticated, "That is not the token of this device, or its tenure has ended.",
                hint: "Ask the device's owner for a new one: lifelong device token.", rule: "token: tenure")
        }
        if Contact.mayAlarm(found.passport) {
            try await Contact.judge(found.device, from: request.peer.address, in: door.house)
        }
        return found
    }

    private func caller(
        _ device: Device, _ client: StockClient, _ request: PlaneRequest, in rows: any Rows
    ) throws -> StockCaller {
        let confirming = door.house.settings.confirmUpdates
        return StockCaller(
            device: device, client: client,
            deployment: try Deployment.current(
                of: device, client, confirming: confirming, at: door.house.clock(), in: rows),
            certificate: request.peer.certificate,
            base: HostName.origin(of: request, else: door.house.settings.serviceURL) + place(request))
    }

    private func place(_ request: PlaneRequest) -> String {
        "/\(request.parameters[0])/controller/v1/\(request.parameters[1])"
    }
}

/// What the client calls this server (RFC 9110 §7.2): links lead back to where it came from, whatever stands in between.
package enum HostName {
    private static let maximumBytes = 255

    static func origin(of request: PlaneRequest, else service: String) -> String {
        guard let host = request.headers.first(name: "Host"), isValid(host) else { return service }
        return "https://\(host)"
    }

    /// A name or address with or without a port; nothing that could end a URL's authority.
    package static func isValid(_ host: String) -> Bool {
        (1...maximumBytes).contains(host.utf8.count)
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"): true
                default: false
                }
            }
    }
}

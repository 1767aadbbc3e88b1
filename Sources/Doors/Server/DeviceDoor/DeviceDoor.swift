import Crypto
import NIOCore
import Registry
import Trust
import Wire

/// The device plane: the open device API and EST, over TLS with a client certificate.
package struct DeviceDoor: Sendable {
    package struct Settings: Sendable {
        /// Layout of base64 bodies per EST label; labels that are not listed, and none, get lines of 64.
        package var layouts: [String: Base64Body.Layout] = [:]
        /// A body that takes longer, in seconds, is given up: it would hold a connection for ever.
        package var bodySeconds: Int64 = 30
        package var admission = Admission.Bounds()
        package init() {}
    }

    let house: House
    let settings: Settings
    let authentication: DeviceAuthentication
    /// Wrong enrolment codes: each costs a look into the database, and strangers may send them.
    let attempts = AttemptLimit(burst: 30, what: "enrolment codes", hint: "Wait, then use a fresh code.")

    private let fairness: Fairness<SHA256Digest>

    package init(house: House, settings: Settings) {
        fairness = Fairness(settings.admission.fairness)
        self.house = house
        self.settings = settings
        authentication = DeviceAuthentication(house: house)
    }

    package func routes() -> PlaneRoutes {
        var routes = PlaneRoutes()
        OwnAPI(door: self).add(to: &routes)
        EST(door: self).add(to: &routes)
        return routes
    }

    /// `answer` for whoever calls: at once if memory says who that is, else after a look into the database.
    /// - Parameter receipt: see `DeviceAuthentication.caller`.
    func asCaller(
        _ request: PlaneRequest, bringing receipt: (@Sendable () throws -> [UInt8])? = nil,
        _ answer: @escaping @Sendable (Caller) throws -> PlaneOutcome
    ) throws -> PlaneOutcome {
        // Before anything is verified or looked up, and also of who is nobody.
        if let shown = request.peer.sha256 { try fairness.demand(shown, who: "This certificate") }
        if let caller = try authentication.known(request.peer) { return try answer(caller) }
        let authentication = authentication
        return .later {
            switch try answer(try await authentication.caller(request.peer, bringing: receipt)) {
            case .now(let answer): answer
            case .later(let work): try await work()
            }
        }
    }
}

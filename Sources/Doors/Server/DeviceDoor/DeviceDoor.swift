import Crypto
import NIOCore
import Registry
import Trust
import Wire

/// The device plane: the open device API, EST and what stock clients speak, over TLS with a client certificate; where the
/// client has none, with a token of its device.
package struct DeviceDoor: Sendable {
    package struct Settings: Sendable {
        /// Layout of base64 bodies per EST label; labels that are not listed, and none, get lines of 64.
        package var layouts: [String: Base64Body.Layout] = [:]
        /// A body that takes longer, in seconds, is given up: it would hold a connection for ever.
        package var bodySeconds: Int64 = 30
        package var admission = Admission.Bounds()
        /// Wrong tokens of devices from one address at once.
        package var wrongTokens = 30
        package init() {}
    }

    let house: House
    let settings: Settings
    let authentication: DeviceAuthentication
    /// Wrong enrolment codes: each costs a look into the database, and strangers may send them.
    let attempts = AttemptLimit(burst: 30, what: "enrolment codes", hint: "Wait, then use a fresh code.")

    /// Wrong tokens of devices. A right one passes all the same: behind one address there may be many devices, and some of them
    /// call on with a token of a tenure that is over.
    let tokenAttempts: AttemptLimit

    /// Look-ups for addresses that have used up their wrong tokens: a stranger who goes on guessing takes few places of those
    /// who mean well.
    let suspects = Gate(limit: 16)

    private let fairness: Fairness<SHA256Digest>
    /// Apart: a token can be made up, a certificate cannot.
    private let tokenFairness: Fairness<SHA256Digest>
    let envelopes: PayloadEnvelopes
    let deltas: DeltaShelf

    package init(house: House, settings: Settings) {
        fairness = Fairness(settings.admission.fairness)
        tokenFairness = Fairness(settings.admission.fairness)
        tokenAttempts = AttemptLimit(
            burst: settings.wrongTokens, what: "tokens", hint: "Ask the device's owner for a new token.")
        deltas = DeltaShelf(artifacts: house.settings.artifactFolder)
        self.house = house
        self.settings = settings
        authentication = DeviceAuthentication(house: house)
        envelopes = PayloadEnvelopes(house: house)
    }

    package func routes() -> PlaneRoutes {
        var routes = PlaneRoutes()
        OwnAPI(door: self).add(to: &routes)
        EST(door: self).add(to: &routes)
        HawkBit(door: self).add(to: &routes)
        MenderAPI(door: self).add(to: &routes)
        return routes
    }

    /// - Parameter credential: SHA-256 of what the device shows.
    func demandFair(_ credential: SHA256Digest, who: String) throws(Refusal) {
        try fairness.demand(credential, who: who)
    }

    /// - Parameter token: SHA-256 of what a stock client shows, and of which device.
    func demandFair(token: SHA256Digest) throws(Refusal) { try tokenFairness.demand(token, who: "This token") }

    /// `answer` for whoever calls: at once if memory says who that is, else after a look into the database.
    /// - Parameter receipt: see `DeviceAuthentication.caller`.
    func asCaller(
        _ request: PlaneRequest, bringing receipt: (@Sendable () throws -> [UInt8])? = nil,
        _ answer: @escaping @Sendable (Caller) throws -> PlaneOutcome
    ) throws -> PlaneOutcome {
        // Before anything is verified or looked up, and also of who is nobody.
        if let shown = request.peer.sha256 { try demandFair(shown, who: "This certificate") }
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

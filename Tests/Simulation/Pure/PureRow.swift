import Passport
import Wire

/// A device as the model's store keeps it: what a row, its certificates and its nonces are in the real one.
struct PureRow {
    enum IntentState { case intended, issued, dead }
    struct Intent {
        var serial: String
        var tenure: TenureID
        var replaces: String?
        var state: IntentState
        var at: Int64
    }

    let id: DeviceID
    let product = ProductID(trusted: "thermostat-2")
    var passport: Passport?
    /// Number of the open order to wipe.
    var wipeNonce: Int?
    /// The receipt of the last wipe, which somebody may send again at any time.
    var oldWipe: PureRequest.Verb?
    var receipts: Set<Digest> = []
    var intents: [Intent] = []
    /// Commits that wrote it, also those without an event: what a row of the database is judged by when it is changed.
    var commits = 0
    var bystander = Bystander()
    var history: [(event: Event, at: Timestamp)] = []

    init(id: DeviceID) { self.id = id }
}

/// What is asked of a node.
struct PureRequest {
    enum Verb: Equatable {
        case bear, ship, pair, intend(renew: Bool), keep(serial: String), sweep(serial: String)
        case quarantine, restore, offer, withdraw, accept, retire, configure, alarm
        case wiped(nonce: Int, receipt: Digest)
        case offerUpdate(sequence: Int, remedy: Bool)
        case updated(sequence: Int, failed: Bool, receipt: Digest)
        case applied(version: Int, receipt: Digest)
        case log(from: Int, count: Int)
        /// A read: may the device?
        case use(Right, Purpose)
    }
    var slot: Int
    var device: DeviceID
    var verb: Verb
}

/// A request on its way, or an answer on its way back.
enum PureMessage {
    case request(PureRequest, node: Int)
    /// Of an attempt; `done` or refused. An attempt with an unknown outcome sends none.
    case answer(attempt: Int, done: Bool)
}

/// One execution of a request at a node.
struct PureAttempt {
    var number: Int
    var request: PureRequest
}

/// A transaction that is ready to be committed, with what it rests on.
struct PurePrepared {
    var start: Int
    var at: Int64
    var versions: [(slot: Int, version: Int, commits: Int)] = []
    var rows: [Int: PureRow] = [:]
    var events: [(slot: Int, event: Event, attempt: Int)] = []
    var outcomes: [(attempt: Int, done: Bool)] = []
    var group: [PureAttempt] = []
}

struct PureNode {
    /// Milliseconds that its clock is ahead of the true time.
    var skew: Int64 = 0
    /// Milliseconds that it gains in a thousand seconds.
    var drift: Int64 = 0
    var waiting: [PureAttempt] = []
    var prepared: PurePrepared?
    /// Passports as it once saw them; used only when the rule that forbids it is broken.
    var seen: [DeviceID: Passport] = [:]
}

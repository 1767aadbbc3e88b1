import Foundation
import Keys
import Logging
import Release
import Trust
import Wire

/// A device's side of its life: asks the service what it is, and becomes that. Owns the state below its home.
///
/// Every durable step is safe to repeat; after a power cut the same code runs again from what is on the disk.
package actor Agent {
    /// Which identity to come with: the operational one while the service takes it.
    enum Belief { case operating, unsure }

    let home: AgentHome
    let around: Surroundings
    let settings: AgentSettings
    let unit: UnitRecord
    /// The way to the service and what vouches for it: from birth, and as it was succeeded since.
    var service: ServiceAnchor
    let birth: ClientIdentity
    let updates: Updates
    let outbox: Outbox
    var log: DeviceLog
    var operational: Operational?
    var belief = Belief.unsure
    /// The service does not take this log; without it the device can still live.
    var logRefused = false
    /// Where the page began that the service refused last; refused from there twice, it stays refused.
    var refusedFrom: Int?
    /// The statement that was refused last: told once, and not at every contact.
    var refusedSuccession: Seal?
    /// The set of roots that no link led to, when it was asked for last.
    var refusedRoots: String?
    /// Why update metadata was not believed, when it was asked for last.
    var unproven: Refusal?
    /// When update metadata was last asked for, since this program started.
    var metadataTried: Timestamp?
    /// Added to the device's clock, whose hour may be anything; milliseconds.
    var clockOffset: Int64 = 0
    /// Nonce of the pairing challenge that was answered last.
    var proven: String?
    /// The release that waits for its hour: told once.
    var waiting: Wire.Digest?
    /// The last refusal of the operational certificate, until something else worked.
    var denied: Refusal.Code?
    private var patience = Patience()

    /// The present credential: what is on the disk, and its key.
    struct Operational {
        var record: OperationalRecord
        var identity: ClientIdentity
        var certificate: HeldCertificate
    }

    /// Opens a home in which a unit was born.
    package init(home: AgentHome, around: Surroundings, settings: AgentSettings = AgentSettings()) throws {
        self.home = home
        self.around = around
        self.settings = settings
        let disk = around.disk
        guard let unit = try disk.read(UnitRecord.self, from: home.unit),
            let service = try disk.read(ServiceAnchor.self, from: home.service),
            let birth = try ClientIdentity.birth(in: home, on: disk, keys: around.keys)
        else {
            throw Refusal(
                .unavailable, "No unit was born in \(home.folder).",
                hint: "Run: lifelong-agent birth --home \(home.folder) --hardware NAME")
        }
        self.unit = unit
        self.service = service
        try home.makeFolders(on: disk)
        self.birth = birth
        updates = Updates(on: disk, home: home, board: settings.board)
        outbox = updates.outbox
        log = try DeviceLog(on: disk, folder: home.log)
        operational = try Self.loadOperational(home, around)
        belief = operational == nil ? .unsure : .operating
    }

    var disk: any Disk { around.disk }
    /// The device's clock, put right by what the service last said.
    var now: Timestamp { Timestamp(milliseconds: around.now().milliseconds + clockOffset) }
    var chance: Double { around.random(2).reduce(0.0) { $0 * 256 + Double($1) } / 65_536 }

    func birthClient() throws -> DeviceClient {
        try DeviceClient(service: service, identity: birth, transport: around.transport)
    }

    func operationalClient(_ held: Operational) throws -> DeviceClient {
        try DeviceClient(service: service, identity: held.identity, transport: around.transport)
    }

    static func loadOperational(_ home: AgentHome, _ around: Surroundings) throws -> Operational? {
        guard let record = try around.disk.read(OperationalRecord.self, from: home.current) else { return nil }
        guard let leaf = Base64.decode(record.certificate), let key = try around.keys.find(try KeyLabel(record.key))
        else { return nil }
        let chain = record.chain.compactMap { Base64.decode($0) }
        return Operational(
            record: record, identity: ClientIdentity(chain: [leaf] + chain, key: key),
            certificate: try HeldCertificate(leaf))
    }

    // MARK: - The loop

    /// Runs until there is nothing more to do or the task is cancelled.
    /// - Parameter once: return as soon as nothing is due at once.
    /// - Returns: one sentence why it ended.
    package func run(once: Bool = false) async throws -> String {
        if try await start(once: once) { return try await restartDevice(once: once) }
        do { try finishEnrolment() } catch { around.logger.error("\(error)") }
        // After a power cut a whole street comes back in one second; its devices do not call in the same.
        if !once { try? await Task.sleep(for: settings.startSpread * chance) }
        var idle = 0
        while !Task.isCancelled {
            switch await round() {
            case .finished(let reason):
                return reason
            case .restart:
                if try await start(once: once) { return try await restartDevice(once: once) }
            case .now:
                idle += 1
                // A service that always wants something at once gets it once a second.
                if idle > 16 {
                    if once { return "The service goes on asking." }
                    try? await Task.sleep(for: .seconds(1))
                }
            case .after(let pause):
                if once { return "Nothing is due." }
                idle = 0
                try? await Task.sleep(for: pause)
            }
        }
        return "Stopped."
    }

    /// One round with the service. Never throws: what failed is told, and tried again later.
    package func round() async -> Next {
        do {
            let next = try await act()
            patience.reset()
            return next
        } catch let failure as ContactFailure {
            around.logger.warning("\(failure)")
            return .after(patience.next(asked: failure.refusal.retryAfterSeconds, chance: chance))
        } catch {
            let refusal = error as? Refusal
            around.logger.error("\(refusal?.description ?? "\(error)")")
            return .after(patience.next(asked: refusal?.retryAfterSeconds, chance: chance))
        }
    }

    private func act() async throws -> Next {
        if try disk.size(of: home.retired) != nil {
            // The receipt of its last wipe arrived, or there would be no such file.
            try disk.erase(home.wipe)
            return .finished("This device is retired; it makes no contact any more.")
        }
        if let order = try disk.read(WipeOrder.self, from: home.wipe) { return try await wipe(order) }
        guard belief == .operating, let held = operational, held.certificate.notAfter > now else {
            return try await askStatus()
        }
        do {
            return try await checkIn(held)
        } catch let failure as ContactFailure where failure.deniesIdentity {
            around.logger.notice("The operational certificate was refused: \(failure)")
            denied = failure.refusal.code
        } catch let failure as ContactFailure {
            // A server may also refuse a certificate by closing the connection: the birth certificate will tell.
            guard case .unreachable = failure else { throw failure }
            around.logger.info("\(failure)")
        }
        belief = .unsure
        return try await askStatus()
    }

    func note(_ kind: String, _ text: String) throws {
        around.logger.notice("\(kind): \(text)")
        try log.append(kind, text, at: now)
    }

    /// The pause before the next contact.
    func pause(suggested seconds: Int? = nil) -> Duration {
        let suggestion = Duration.seconds(min(max(seconds ?? 60, 1), 86_400))
        return Patience.around(settings.interval ?? suggestion, chance: chance)
    }
}

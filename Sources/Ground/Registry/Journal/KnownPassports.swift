import Passport
import Store
import Synchronization
import Wire

/// Passports that were asked for lately, so that a device's request costs no read. Everything else that a right depends on
/// is a constant or stands in the passport.
///
/// Never says anything but the truth, because:
/// 1. A passport changes in one place only, `Change.record`, and each change leaves a leaf in the ledger that names the device.
/// 2. The journal renews what is here after the commit, or forgets it after one that may have happened, before anybody is
///    answered.
/// 3. What was read from the database before such a commit is not taken in after it (`mark`).
/// 4. What other nodes or programs changed is read from the ledger (`follow`); nothing is believed that is not followed
///    up to less than `trustedNanoseconds` ago. So a change bites here at once, and on every other node within a second.
/// 5. The journal itself, which alone writes while it writes, believes it only where the ledger's size says that nothing was
///    committed that was not taken in (`isExact`); and each passport that it changes is compared by its version.
///
/// Bounded: `limit` passports, about 1.2 KiB each; what was not asked for while half of the places filled up goes.
package final class KnownPassports: Sendable {
    private struct Shard {
        var young: [DeviceID: Passport] = [:]
        var old: [DeviceID: Passport] = [:]
    }
    private final class Cell: Sendable {
        let shard = Locked(Shard())
    }

    static let trustedNanoseconds: UInt64 = 900_000_000
    private static let shardCount = 64
    /// More than this behind, in leaves, and everything is forgotten instead of read.
    private static let mostBehind: Int64 = 20_000

    private let cells = (0..<shardCount).map { _ in Cell() }
    private let limit: Int
    private let changes = Atomic<UInt64>(0)
    /// The ledger's size up to which every change was taken in, and when that was (`now`).
    private let followed = Locked<Int64?>(nil)
    private let followedAt = Atomic<UInt64>(0)

    /// - Parameter limit: most passports.
    package init(limit: Int) { self.limit = max(limit, Self.shardCount * 2) }

    /// The device's passport as it stands; nil if that has to be asked of the database.
    package func known(_ device: DeviceID) -> Passport? {
        guard Self.now() &- followedAt.load(ordering: .acquiring) < Self.trustedNanoseconds else { return nil }
        return cell(of: device).shard.withLock { shard in
            if let passport = shard.young[device] { return passport }
            guard let passport = shard.old[device] else { return nil }
            put(passport, in: &shard)
            return passport
        }
    }

    /// Taken before a read, and handed back with what was read.
    package var mark: UInt64 { changes.load(ordering: .acquiring) }

    /// Takes in what was read since `mark`, unless anything changed meanwhile: then it may be old already.
    package func remember(_ passport: Passport, readSince mark: UInt64) {
        cell(of: passport.device).shard.withLock { shard in
            // Under the lock: whoever forgets counts first and locks then.
            guard changes.load(ordering: .acquiring) == mark else { return }
            put(passport, in: &shard)
        }
    }

    /// After a commit of this node: what is here of these devices is replaced, and what is asked for next is taken in.
    /// - Parameters:
    ///   - leaves: what the commit added to the ledger.
    ///   - named: devices that will be asked for next; others are only replaced, so that a change of a whole fleet does not
    ///     drive out whoever calls just now.
    ///   - mark: taken before the transaction.
    package func renew(
        _ passports: [DeviceID: Passport], leaves: Range<Int64>, takingIn named: Set<DeviceID>, since mark: UInt64
    ) {
        let follows = followed.withLock { size in
            guard size == leaves.lowerBound else { return false }
            size = leaves.upperBound
            return true
        }
        guard !passports.isEmpty else { return }
        let count = changes.add(1, ordering: .acquiringAndReleasing)
        // What other nodes committed after us can have been forgotten already, and would not be a second time.
        let takesIn = follows && count.oldValue == mark
        for (device, passport) in passports {
            cell(of: device).shard.withLock { shard in
                guard let before = shard.young[device] ?? shard.old[device] else {
                    if takesIn, named.contains(device), changes.load(ordering: .acquiring) == count.newValue {
                        put(passport, in: &shard)
                    }
                    return
                }
                if before.version < passport.version { return put(passport, in: &shard) }
                // Another node may have been faster with the next change: whose is right, the database says.
                guard before != passport else { return }
                shard.young[device] = nil
                shard.old[device] = nil
            }
        }
    }

    /// Whether what is here is exactly what a transaction reads that sees a ledger of that size and lets nobody else write.
    /// Each change of a passport leaves a leaf, and what is here followed each leaf below `size`.
    package func isExact(at size: Int64) -> Bool { followed.withLock { $0 == size } }

    /// Without a look at the clock, for transactions in which `isExact`.
    func held(_ device: DeviceID) -> Passport? {
        cell(of: device).shard.withLock { $0.young[device] ?? $0.old[device] }
    }

    /// After a commit that may have happened, or one of another node.
    package func forget(_ devices: some Collection<DeviceID>) {
        guard !devices.isEmpty else { return }
        changes.add(1, ordering: .acquiringAndReleasing)
        for device in devices {
            cell(of: device).shard.withLock { shard in
                shard.young[device] = nil
                shard.old[device] = nil
            }
        }
    }

    func forgetAll() {
        changes.add(1, ordering: .acquiringAndReleasing)
        for cell in cells { cell.shard.withLock { $0 = Shard() } }
    }

    private func put(_ passport: Passport, in shard: inout Shard) {
        if shard.young.count >= limit / Self.shardCount / 2 {
            shard.old = shard.young
            shard.young = [:]
        }
        shard.young[passport.device] = passport
    }

    private func cell(of device: DeviceID) -> Cell {
        cells[Int(UInt(bitPattern: device.hashValue) % UInt(Self.shardCount))]
    }

    /// Nanoseconds of a clock that goes on while the machine sleeps.
    private static func now() -> UInt64 {
        let elapsed = ContinuousClock.now - epoch
        let (seconds, attoseconds) = elapsed.components
        return UInt64(seconds) &* 1_000_000_000 &+ UInt64(attoseconds / 1_000_000_000)
    }
    private static let epoch = ContinuousClock.now - .seconds(3600)
}

extension KnownPassports {
    /// One look at what the ledger has beyond what is known. From here on, and for `trustedNanoseconds`, memory counts.
    /// - Returns: whether somebody else had written.
    @discardableResult
    package func catchUp(with database: any Database) async throws -> Bool {
        let began = Self.now()
        let from = followedSize
        let (size, devices) = try await database.read { rows -> (Int64, Set<DeviceID>?) in
            let size = Int64(try rows.first("SELECT size FROM ledger_size WHERE one = 1")?.int("size") ?? 0)
            guard let from, size >= from, size - from <= Self.mostBehind else { return (size, nil) }
            guard size > from else { return (size, []) }
            let changed = try rows.query(
                "SELECT DISTINCT device FROM ledger WHERE idx >= $1 AND idx < $2 AND device IS NOT NULL",
                [.int(from), .int(size)])
            return (size, Set(changed.compactMap { $0.optionalText("device").flatMap { try? DeviceID($0) } }))
        }
        if let devices { forget(devices) } else { forgetAll() }
        follow(to: size)
        followedAt.store(began, ordering: .releasing)
        return from != size
    }
    private var followedSize: Int64? { followed.withLock { $0 } }
    private func follow(to size: Int64) { followed.withLock { $0 = max(size, $0 ?? 0) } }
}

import Agent
import Dispatch
import Logging
import NIOCore
import Wire

/// A simulated fleet: many agents in one process, each with a disk and keys of its own in memory, over shared connections.
///
/// Births first, then so many rounds of contact; in each, every device does all that is due for it.
package struct Fleet: Sendable {
    package struct Plan: Sendable {
        package var count: Int
        /// Where a station listens ("unix:PATH"), for devices that are not born yet; nil if all are.
        package var station: String?
        package var hardware = "simulated-1"
        /// Rounds of contact.
        package var checkIns = 1
        /// Devices that begin a contact, a second; nil for as many as go.
        package var rate: Double?
        /// Devices in contact at the same time.
        package var atOnce = 16
        /// Where the fleet is kept between runs.
        package var state: FleetState?
        /// Decides whether a release on trial is healthy; nil: each is.
        package var health: HealthCommand?

        package init(count: Int) { self.count = count }
    }

    package enum Step: String, Sendable { case births, contacts }

    package struct Summary: Codable, Sendable, Equatable {
        package var devices = 0
        /// Births of this run.
        package var born = 0
        package var requests = 0
        /// Exchanges that did not do what was asked, by kind.
        package var failures: [String: Int] = [:]
        package var latencyMilliseconds = Measurement.Latency()
        package var seconds = 0.0
        /// Devices by what the service last said of them.
        package var states: [String: Int] = [:]
        /// Devices by the sequence of the release that they run.
        package var releases: [String: Int] = [:]
        /// What kept devices from living, by sentence; empty is good.
        package var troubles: [String: Int] = [:]
    }

    /// Devices that speak with a station at the same time: what a station takes.
    private static let birthsAtOnce = 4

    private let plan: Plan
    private let transport: DeviceTransport
    private let measurement = Measurement()
    private let logger: Logger

    /// - Parameter transport: shared by all devices; its `observe` is set here.
    package init(
        _ plan: Plan, transport: DeviceTransport,
        logger: Logger = Logger(label: "fleet") { _ in SwiftLogNoOpLogHandler() }
    ) {
        self.plan = plan
        var transport = transport
        let measurement = measurement
        transport.observe = { measurement.note($0, $1) }
        self.transport = transport
        self.logger = logger
    }

    /// The transport of a fleet: connections are closed soon, because a thousand devices do not all stay on the line.
    package static func makeTransport(group: any EventLoopGroup) -> DeviceTransport {
        var limits = DeviceTransport.Limits()
        limits.idle = .seconds(2)
        return DeviceTransport(limits: limits, group: group)
    }

    /// - Parameter progress: called with the step, how many are done, and of how many.
    package func run(progress: @escaping @Sendable (Step, Int, Int) -> Void = { _, _, _ in }) async throws -> Summary {
        let clock = ContinuousClock()
        let began = clock.now
        var summary = Summary()
        let troubles = Troubles()
        var devices = try plan.state?.load(atMost: plan.count) ?? []
        let known = devices.count
        for number in known..<max(known, plan.count) { devices.append(try SimulatedDevice(number: number + 1)) }
        let unborn = devices.filter { !$0.isBorn }
        if !unborn.isEmpty {
            try await bear(unborn, troubles, progress)
            summary.born = unborn.count { $0.isBorn }
        }
        let living = devices.filter(\.isBorn)
        for _ in 0..<plan.checkIns {
            try Task.checkCancellation()
            await contact(living, troubles, progress)
        }
        complete(&summary, living, troubles)
        let elapsed = (clock.now - began).components
        summary.seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        return summary
    }

    // MARK: - Births

    private func bear(
        _ unborn: [SimulatedDevice], _ troubles: Troubles, _ progress: @escaping @Sendable (Step, Int, Int) -> Void
    ) async throws {
        guard let station = plan.station else {
            throw Refusal(
                .unavailable, "\(unborn.count) of \(plan.count) devices are not born yet, and no station is named.",
                hint: "Start one (lifelong station run --line unix:PATH), and name it with --station unix:PATH.")
        }
        await each(unborn, atOnce: Self.birthsAtOnce, step: .births, progress) { device in
            do {
                try await Self.onThread { try device.beBorn(hardware: plan.hardware, at: station) }
                try plan.state?.keep(device)
            } catch {
                troubles.note(error)
            }
        }
    }

    /// A line to a station blocks: away from the threads that serve everybody.
    private static func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            births.async { done.resume(with: Result { try body() }) }
        }
    }

    private static let births = DispatchQueue(label: "fleet births", attributes: .concurrent)

    // MARK: - Contacts

    private func contact(
        _ living: [SimulatedDevice], _ troubles: Troubles, _ progress: @escaping @Sendable (Step, Int, Int) -> Void
    ) async {
        let pace = Pace(plan.rate)
        await each(living, atOnce: plan.atOnce, step: .contacts, progress) { device in
            do {
                try await pace.wait()
                _ = try await device.live(over: transport, health: plan.health, logger: logger)
                try plan.state?.keep(device)
            } catch {
                troubles.note(error)
            }
        }
    }

    private func each(
        _ devices: [SimulatedDevice], atOnce: Int, step: Step, _ progress: @escaping @Sendable (Step, Int, Int) -> Void,
        _ body: @escaping @Sendable (SimulatedDevice) async -> Void
    ) async {
        var waiting = devices[...]
        var done = 0
        progress(step, 0, devices.count)
        await withTaskGroup(of: Void.self) { group in
            for device in waiting.prefix(atOnce) { group.addTask { await body(device) } }
            waiting = waiting.dropFirst(atOnce)
            for await _ in group {
                done += 1
                progress(step, done, devices.count)
                guard !Task.isCancelled, let device = waiting.popFirst() else { continue }
                group.addTask { await body(device) }
            }
        }
    }

    private func complete(_ summary: inout Summary, _ living: [SimulatedDevice], _ troubles: Troubles) {
        summary.devices = living.count
        summary.requests = measurement.requests
        summary.failures = measurement.failures
        summary.latencyMilliseconds = measurement.latency
        for device in living {
            guard let status = try? device.status() else { continue }
            summary.states[status.lastWord?.state.rawValue ?? "silent", default: 0] += 1
            summary.releases[String(status.image.sequence), default: 0] += 1
        }
        summary.troubles = troubles.counts
    }
}

/// Sentences of what went wrong on this side, counted.
private final class Troubles: Sendable {
    private let state = Locked<[String: Int]>([:])

    func note(_ error: any Error) {
        let sentence = (error as? Refusal)?.detail ?? "\(error)"
        state.withLock { $0[String(sentence.prefix(200)), default: 0] += 1 }
    }

    var counts: [String: Int] { state.withLock { $0 } }
}

/// Lets so many begin a second, evenly.
private final class Pace: Sendable {
    private let rate: Double?
    private let begun = Locked(0)
    private let start = ContinuousClock.now

    init(_ rate: Double?) { self.rate = rate }

    func wait() async throws {
        guard let rate, rate > 0 else { return }
        let place = begun.withLock { begun in
            defer { begun += 1 }
            return begun
        }
        try await Task.sleep(until: start.advanced(by: .seconds(Double(place) / rate)), clock: .continuous)
    }
}

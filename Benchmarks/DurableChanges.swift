import Foundation
import Passport
import Registry
import Store
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// Changes of devices, each answered only after its sync: what a receipt or an alarm of a device costs.
extension Bench {
    struct Durable {
        /// Answered a second.
        var perSecond: Double
        /// Median of one writer's wait, in microseconds.
        var median: Double
        /// Processor time of this process, in microseconds a change; the database server's own is not in it.
        var processor: Double
    }

    /// Devices that change, made past the factory: a change reads a passport, advances it, writes it and its leaf.
    func makeDevices(_ count: Int) async throws -> [DeviceID] {
        let devices = (0..<count).map { DeviceID(trusted: "bench-device-\($0)") }
        let digest = Digest([UInt8](repeating: 7, count: 32))
        let birth = CertificateName(
            serial: "c0", sha256: digest, key: digest, notAfter: Timestamp(year: 2036, month: 1, day: 1))
        let (product, batch) = (try ProductID("product"), try BatchID("batch"))
        for start in stride(from: 0, to: count, by: 500) {
            try await house.change(as: .system) { change in
                for device in devices[start..<min(start + 500, count)] {
                    try change.recordBirth(
                        .born(product: product, batch: batch, birthCertificate: birth), of: device,
                        serial: device.text.uppercased(), hardware: "a", certificate: [UInt8](repeating: 1, count: 600),
                        labelCode: nil, secretHash: nil)
                }
            }
        }
        return devices
    }

    /// - Parameter writers: as many wait for an answer at any time.
    func changes(of devices: [DeviceID], writers: Int) async throws -> Durable {
        let house = house
        let waits = Locked<[Double]>([])
        let began = Self.processorSeconds
        let count = Locked(0)
        let perSecond = try await concurrently(writers) { number in
            let device = devices[(number / 1_000_000 * 7919 + number) % devices.count]
            let start = ContinuousClock.now
            _ = try await house.change(as: .system, about: device) { change in
                try change.record(.alarmRaised(alarm: .logBroken), on: device)
            }
            count.withLock { $0 += 1 }
            guard writers == 1 else { return }
            let took = (ContinuousClock.now - start).components
            waits.withLock { $0.append(Double(took.seconds) * 1e6 + Double(took.attoseconds) / 1e12) }
        }
        let used = Self.processorSeconds - began
        let sorted = waits.withLock { $0.sorted() }
        return Durable(
            perSecond: perSecond, median: sorted.isEmpty ? 0 : sorted[sorted.count / 2],
            processor: used * 1e6 / Double(max(1, count.withLock { $0 })))
    }

    private static var processorSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}

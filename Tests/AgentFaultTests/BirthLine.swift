import Agent
import Foundation
import KeysFile
import Station
import Testing
import Trust
import Wire
import Workbench

/// A unit on the line of a real station, which runs the real program as its line's command.
struct BirthLine: Sendable {
    let station: StationHome
    let permit: Seal
    let keys: FileKeyStore
    let faultline: Faultline
    let home: String

    private static var now: Timestamp { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) }

    func connect(_ fault: Fault, at operation: Int, shadow: String) async throws -> Faultline.Outcome {
        let said = shadow + ".said"
        let words =
            ["env"] + (try faultline.environment(home, fault, operation, shadow))
            + [faultline.agent, "birth", "--home", home, "--hardware", HouseBench.hardware]
        let command = words.map { "'\($0)'" }.joined(separator: " ") + " 2>'\(said)'; echo $? >'\(said).status'"
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            // A station blocks its thread for as long as a unit takes.
            Thread {
                serve(command)
                done.resume()
            }.start()
        }
        let status = (try? String(contentsOfFile: said + ".status", encoding: .utf8)) ?? ""
        return Faultline.Outcome(
            status: Int32(status.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1,
            errors: (try? String(contentsOfFile: said, encoding: .utf8)) ?? "",
            operations: Faultline.operations(shadow),
            shadow: shadow)
    }

    /// One connection; the batch is closed again when this returns, so that its manifest can be made.
    private func serve(_ command: String) {
        let options = Batch.Options(labelSecrets: false)
        guard
            let batch = try? patiently({
                try Batch.open(station, permit: permit, keys: keys, options: options, clock: { Self.now })
            }),
            let source = try? LineAddress("exec:" + command).open(.init(answerSeconds: 30))
        else { return }
        _ = RunBatch(batch, source: source, count: 1).perform { _ in }
    }

    /// The unit says that it is born, and the station has heard it.
    func isBorn() throws -> Bool {
        guard FileManager.default.fileExists(atPath: AgentHome(home).unit) else { return false }
        return try manifest().births.count == 1
    }

    private func manifest() throws -> BirthManifest {
        let batch = try CanonicalJSON.decode(Permit.self, from: permit.payloadBytes()).batch
        let seal = try close(batch)
        return try CanonicalJSON.decode(BirthManifest.self, from: seal.payloadBytes())
    }

    private func close(_ batch: BatchID) throws -> Seal {
        try patiently { try CloseBatch(home: station, batch: batch).perform(keys: keys, at: Self.now) }
    }

    /// A thread of the line may hold the batch, and with it the station's lock, for a moment longer than its run.
    private func patiently<T>(_ body: () throws -> T) throws -> T {
        let end = ContinuousClock.now + .seconds(10)
        while true {
            do {
                return try body()
            } catch let refusal as Refusal where refusal.code == .conflict && ContinuousClock.now < end {
                usleep(10_000)
            }
        }
    }

    /// What is wrong with a unit that should be born; empty if nothing is.
    func complaints() throws -> [String] {
        let place = AgentHome(home)
        let disk = PosixDisk()
        var wrong: [String] = []
        guard let pem = try disk.readWhole(place.birthCertificate),
            let unit = try disk.read(UnitRecord.self, from: place.unit)
        else { return ["it was not born in three more connections"] }
        let leaf = try PEM.decode(String(decoding: pem, as: UTF8.self))[0].der
        let births = try manifest().births
        if births.map(\.certificate) != [Base64.encode(leaf)] {
            wrong.append("the station has \(births.count) births, and not just this unit's certificate")
        }
        if births.first?.serial != unit.serial {
            wrong.append("the station calls it \(births.first?.serial ?? "nothing")")
        }
        let key = try FileKeyStore(folder: place.keys).find(DeviceKeys.birth)
        if key?.publicKeyDER != (try HeldCertificate(leaf)).spki {
            wrong.append("its key is not that of its certificate")
        }
        let status = try HomeStatus(of: place, on: disk)
        if !status.image.whole || status.log.brokenAt != nil { wrong.append("its image or log is broken") }
        return wrong
    }
}

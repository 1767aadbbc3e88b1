import Agent
import Crypto
import Foundation
import Keys
import KeysFile
import Manufacture
import Passport
import Registry
import Station
import Testing
import Trust
import Wire
import Workbench

/// A server and as many devices as are needed, each for one fault.
final class Ward: Sendable {
    let door: DeviceBench
    let faultline: Faultline
    private let ada: Principal
    private let ben: Principal
    let scratch: String
    private let waiting = Locked<[BenchUnit]>([])
    private let batches = Locked(0)
    private let makers = Locked<RAUCBench?>(nil)

    private init(_ door: DeviceBench, scratch: String) async throws {
        self.door = door
        self.scratch = scratch
        faultline = try await Faultline(scratch: scratch)
        ada = try await door.bench.ownership("Ada")
        ben = try await door.bench.ownership("Ben")
        _ = try await door.bench.makeUnits(1, station: "line-0")
        try await Patient.publish(Verb.release, at: door.house)
        if OutsideProgram.find("xdelta3") != nil { try await publishDelta() }
    }

    /// On a memory file system if there is one: it is fast, and it gives no inode's number a second time.
    static func open(_ body: @escaping @Sendable (Ward) async throws -> Void) async throws {
        let place = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        let scratch = "\(place)/agent-faults-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let bench = try await HouseBench(atRealTime: { $0.operationalSeconds = 3600 })
        try await DeviceBench.run(bench) { door in try await body(try await Ward(door, scratch: scratch)) }
    }

    private func unit() async throws -> BenchUnit {
        if let unit = waiting.withLock({ $0.popLast() }) { return unit }
        let number = batches.withLock { n -> Int in
            n += 1
            return n
        }
        let units = try await door.bench.makeUnits(24, station: "line-\(number)")
        waiting.withLock { $0 = units }
        return try await unit()
    }

    /// How many operations the verb takes without a fault, and which.
    func operations(of verb: Verb) async throws -> [String] {
        if verb == .birth { return try await birth(.killed, at: 0).operations }
        let patient = try await patient(for: verb)
        do {
            let run = try await struck(verb, patient, .killed, at: 0)
            try await patient.footing.afterRun()
            let wrong = try await settle(verb, patient, old: [])
            try #require(wrong.isEmpty, "\(verb) without a fault: \(wrong) \(run.errors)")
            await leave(patient)
            return run.operations
        } catch {
            await leave(patient)
            throw error
        }
    }

    func patient(for verb: Verb) async throws -> Patient {
        let unit = try await unit()
        let home = try UnitHome(unit, door, folder: scratch + "/" + unit.serial)
        var patient = Patient(door: door, unit: unit, home: home, ada: ada, ben: ben)
        do {
            // Its bundle is published before it is offered.
            let maker = try await verb.board == .rauc ? self.maker() : nil
            try await verb.prepare(patient)
            patient.footing = try await Footing.make(verb, at: patient.path, maker: maker)
            if verb.isAfterStart {
                let run = try await faultline.clean(verb.arguments(patient), in: patient.footing.environment)
                try #require(run.status == 0, "\(verb): \(run.errors)")
                try await patient.footing.boot()
            }
        } catch {
            await leave(patient)
            throw error
        }
        return patient
    }

    /// The next release, of which there is nothing but the delta: a device that has it came by that way.
    private func publishDelta() async throws {
        let store = door.house.settings.artifactFolder
        let old = Patient.image(Verb.release)
        var new = old
        for place in stride(from: 5000, to: new.count, by: 10_000) { new[place] ^= 0xff }
        new += Array("and more".utf8)
        try await Patient.publish(Verb.next, new, at: door.house)
        let (from, to) = (Wire.Digest(SHA256.hash(data: old)), Wire.Digest(SHA256.hash(data: new)))
        try FileManager.default.createDirectory(atPath: store + "/deltas", withIntermediateDirectories: true)
        let made = try await OutsideProgram.run(
            "xdelta3", ["-e", "-S", "none", "-A", "-s", "\(from)", "\(to)", "deltas/\(from)-\(to).vcdiff"], in: store)
        try #require(made.status == 0, "\(made.errors)")
        try FileManager.default.removeItem(atPath: "\(store)/\(to)")
    }

    /// The keys of one maker of bundles, and its bundle at the service.
    private func maker() async throws -> RAUCBench {
        if let maker = makers.withLock({ $0 }) { return maker }
        let made = try await RAUCBench(scratch + "/maker")
        await made.stop()
        let image = (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        try await Patient.publish(Verb.bundle, try await made.bundle(image), at: door.house)
        makers.withLock { $0 = made }
        return made
    }

    /// The run that is met by the shim, with all that it starts.
    private func struck(_ verb: Verb, _ patient: Patient, _ fault: Fault, at operation: Int) async throws
        -> Faultline.Outcome
    {
        let shadow = faultline.newShadow()
        var surroundings = patient.footing.environment
        if verb.board != .plain { surroundings["FAULT_SHARED"] = shadow + "/shared" }
        if case .rauc(let bench, _) = patient.footing {
            let words = try faultline.environment(patient.path, fault, operation, shadow) + ["FAULT_SERVICE=1"]
            let pairs = words.map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
            let shim = Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) })
            try await bench.restartService(shim.merging(surroundings) { $1 })
        }
        return try await faultline.run(
            verb.arguments(patient), home: patient.path, fault, at: operation, in: surroundings, shadow: shadow)
    }

    private func leave(_ patient: Patient) async {
        await patient.home.transport.shutdown()
        await patient.footing.leave()
    }

    struct Outcome: Sendable {
        var operations: [String] = []
        /// What is wrong in the end.
        var wrong: [String]
    }

    /// One fault at one operation of one verb, on a device of its own.
    func strike(_ verb: Verb, _ fault: Fault, at operation: Int) async throws -> Outcome {
        if verb == .birth { return try await birth(fault, at: operation) }
        let patient = try await patient(for: verb)
        var outcome = Outcome(wrong: [])
        do {
            outcome = try await strike(verb, fault, at: operation, on: patient)
        } catch {
            outcome.wrong = ["it cannot be judged: \(error)"]
        }
        await leave(patient)
        try? FileManager.default.removeItem(atPath: patient.path)
        return outcome
    }

    private func strike(_ verb: Verb, _ fault: Fault, at operation: Int, on patient: Patient) async throws -> Outcome {
        let identity = Self.identity(patient.path)
        let old = try Self.secrets(patient.home) + (try await patient.passport()).certificates.map(\.serial)
        let before = fault.isPowerCut ? Snapshot(patient.path) : nil
        let run = try await struck(verb, patient, fault, at: operation)
        defer { try? FileManager.default.removeItem(atPath: run.shadow) }
        var wrong = Self.judge(run, fault, operation)
        try await patient.footing.afterRun()
        if let before {
            try PowerCut(before: before, after: Snapshot(patient.path), shadow: run.shadow, fault: fault)
                .rebuild(patient.path)
            try await patient.footing.boot()
        }
        wrong += try await settle(verb, patient, old: old)
        if Self.identity(patient.path) != identity { wrong.append("its identity changed") }
        return Outcome(operations: run.operations, wrong: wrong)
    }

    /// Starts the real program again, without help, until it has come where it should be; a few starts must do.
    private func settle(_ verb: Verb, _ patient: Patient, old: [String]) async throws -> [String] {
        var wrong: [String] = []
        for _ in 0..<verb.starts {
            let run = try await faultline.clean(verb.arguments(patient), in: patient.footing.environment)
            try await patient.footing.afterRun()
            wrong =
                run.status == 0
                ? try await verb.complaints(patient, old: old) : ["it ends with \(run.status): \(run.errors)"]
            if wrong.isEmpty { break }
        }
        return wrong
    }

    /// What the struck program itself must do: die if it was killed, else end by itself and say what to do about a full disk.
    private static func judge(_ run: Faultline.Outcome, _ fault: Fault, _ operation: Int) -> [String] {
        guard run.operations.count >= operation else { return [] }
        if fault.kills { return run.status == SIGKILL || run.status == 137 ? [] : ["it was not killed: \(run.status)"] }
        guard ![SIGKILL, 137, SIGSEGV, SIGILL, SIGABRT, SIGTRAP].contains(run.status) else {
            return ["it ended with \(run.status): \(run.errors)"]
        }
        // A disk that is full when nothing more is written is nobody's trouble.
        let needsSpace = run.operations[(operation - 1)...].contains { met in
            ["create", "cut", "write", "pwrite", "writev", "mkdir", "symlink", "link"].contains {
                met.hasPrefix($0 + " ")
            }
        }
        if fault == .diskFull, !needsSpace { return [] }
        let says =
            run.errors.contains("space") || run.errors.contains("Read-only") || run.errors.contains("nput/output")
            || run.errors.contains("fw_setenv") || run.errors.contains("RAUC") || run.errors.contains("rauc")
        return fault == .mediumError || says ? [] : ["it does not say what is wrong: \(run.errors)"]
    }

    /// Everything that a device has for life.
    private static func identity(_ home: String) -> [Data?] {
        ["identity/unit.json", "identity/birth.pem", "identity/service.json", "keys/birth.key.pem"]
            .map { FileManager.default.contents(atPath: home + "/" + $0) }
    }

    /// The operational keys of the present owner, as they stand in their files: one line that is only in them.
    private static func secrets(_ home: UnitHome) throws -> [String] {
        let keys = home.place.keys
        return try FileManager.default.contentsOfDirectory(atPath: keys).filter { $0.hasPrefix("operational-") }
            .compactMap { FileManager.default.contents(atPath: keys + "/" + $0) }
            .compactMap {
                String(decoding: $0, as: UTF8.self).split(separator: "\n").dropFirst(2).first.map(String.init)
            }
    }

    // MARK: - Birth

    /// A unit on the line of a real station, struck, and connected again until it is born.
    private func birth(_ fault: Fault, at operation: Int) async throws -> Outcome {
        let name = "birth-\(UUID().uuidString.prefix(8))"
        let (home, folder) = (scratch + "/" + name, scratch + "/station-" + name)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let keys = try FileKeyStore(folder: folder + "/keys")
        let station = StationHome(folder + "/home")
        let maker = try door.house.permitKey().publicKeyDER
        let request = try InitializeStation(home: station, name: name, makerKey: maker).perform(keys: keys)
        let permit = try await door.house.perform(
            OpenBatch(product: HouseBench.product, quantity: 4, request: request), as: .system
        ).permit
        try FileManager.default.createDirectory(
            atPath: home, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let before = Snapshot(home)
        let born = BirthLine(station: station, permit: permit, keys: keys, faultline: faultline, home: home)
        let run = try await born.connect(fault, at: operation, shadow: folder + "/shadow")
        var wrong = operation == 0 ? [] : Self.judge(run, fault, operation)
        if fault.isPowerCut, operation > 0 {
            try PowerCut(before: before, after: Snapshot(home), shadow: run.shadow, fault: fault).rebuild(home)
        }
        for _ in 0..<3 where try !born.isBorn() {
            _ = try await born.connect(.killed, at: 0, shadow: folder + "/again")
        }
        wrong += try born.complaints()
        for path in [home, folder] { try? FileManager.default.removeItem(atPath: path) }
        return Outcome(operations: run.operations, wrong: wrong)
    }
}

extension Ward {
    /// What strace sees below the home, and what the shim met, in one run: names of operations, sorted.
    func traced(_ verb: Verb) async throws -> (seen: [String], met: [String]) {
        let patient = try await patient(for: verb)
        // There before, so that opening it is no change in either list.
        try PosixDisk().create(patient.home.place.lock)
        let list = scratch + "/strace"
        let shadow = scratch + "/traced"
        let words =
            ["-f", "-y", "-qq", "-s", "512", "-o", list]
            + [
                "-e",
                "trace=openat,open,creat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,symlinkat,link,linkat,ftruncate,truncate,chmod,fchmod,fchmodat,fallocate,copy_file_range,sendfile,mmap",
            ]
            + ["/usr/bin/env"] + (try faultline.environment(patient.path, .killed, 0, shadow)) + [faultline.agent]
        _ = try await OutsideProgram.run("strace", words + verb.arguments(patient), in: scratch, seconds: 60)
        await patient.home.transport.shutdown()
        let lines = try String(contentsOfFile: list, encoding: .utf8).split(separator: "\n")
        let seen = lines.compactMap { Self.operation(String($0), patient.path) }.sorted()
        let met = Faultline.operations(shadow).compactMap { $0.split(separator: " ").first.map(String.init) }.sorted()
        return (seen, met)
    }

    /// The shim's name for a line of strace that changes something below the home; nil for all others.
    private static func operation(_ line: String, _ home: String) -> String? {
        guard line.contains(home + "/") || line.contains("<\(home)>"), let open = line.firstIndex(of: "(") else {
            return nil
        }
        guard !line.contains("ENOENT"), !line.contains("EEXIST"), !line.contains("resumed>") else { return nil }
        let call = line[..<open].split(separator: " ").last.map(String.init) ?? ""
        let first = line[open...]
        switch call {
        case "openat", "open": return first.contains("O_TRUNC") ? (first.contains("O_CREAT") ? "create" : "cut") : nil
        case "write": return first.hasPrefix("(") && first.contains("<\(home)/") ? "write" : nil
        case "fsync", "fdatasync": return "sync"
        case "rename", "renameat", "renameat2": return "rename"
        case "unlink": return "unlink"
        case "unlinkat": return "unlink"
        case "rmdir": return "rmdir"
        case "mkdir", "mkdirat": return "mkdir"
        case "symlink", "symlinkat": return "symlink"
        case "ftruncate", "truncate": return "ftruncate"
        case "chmod", "fchmod", "fchmodat": return "chmod"
        case "mmap": return first.contains("PROT_WRITE") && first.contains("MAP_SHARED") ? "mmap" : nil
        case "pwrite64", "writev", "link", "linkat", "fallocate", "copy_file_range", "sendfile": return call
        default: return nil
        }
    }
}

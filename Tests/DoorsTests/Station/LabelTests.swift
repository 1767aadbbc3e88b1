import Foundation
import Station
import Testing
import Trust
import Wire

@Suite struct `A label` {
    private let label = Label(
        product: ProductID(trusted: "thermostat-2"), serial: "THERMOSTAT-2-7G4K9Q2M", code: "0Z3W8KXT",
        secret: "ABCD-EFGH-JKMN-PQRS")

    @Test func `has the serial and the code in its picture, and not the secret`() {
        #expect(label.payload == "LIFELONG:1:THERMOSTAT-2-7G4K9Q2M:0Z3W8KXT")
    }

    @Test func `can be read back from its file`() throws {
        #expect(try Label(svg: Array(try label.svg().utf8)) == label)
    }

    @Test(.enabled(if: Self.canScan, "rsvg-convert and zbarimg (apt: librsvg2-bin zbar-tools) are not installed"))
    func `is read by a scanner`() throws {
        let folder = NSTemporaryDirectory() + "label-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for serial in ["A", label.serial, String(repeating: "Z9-", count: 10) + "ZZ"] {
            var label = label
            label.serial = serial
            try label.svg().write(toFile: folder + "/a.svg", atomically: false, encoding: .utf8)
            _ = try Self.run("rsvg-convert -d 300 -p 300 -o \(folder)/a.png \(folder)/a.svg")
            #expect(try Self.run("zbarimg -q --raw \(folder)/a.png") == label.payload + "\n")
        }
    }

    static let canScan = (try? run("command -v rsvg-convert && command -v zbarimg")) != nil

    private static func run(_ command: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
        return String(decoding: data, as: UTF8.self)
    }

    @Test func `is square on a terminal, with its quiet zone`() throws {
        let code = try QRCode(label.payload)
        let lines = code.text(colored: false).split(separator: "\n")
        #expect(lines.count == (code.width + 9) / 2)
        #expect(lines.allSatisfy { $0.count == code.width + 8 })
        #expect(lines[0].allSatisfy { $0 == "█" })
    }

    @Test func `is the only place of the secret`() throws {
        let workshop = try Workshop()
        let serial: String
        let secret: String
        let hash: String
        do {
            let batch = try workshop.open()
            serial = try #require(try SimulatedUnit().visit(batch).serial)
            #expect(try SimulatedUnit(serial: serial).visit(batch).outcome == .refused)
            secret = try #require(try workshop.home.label(serial).label.secret)
            hash = try #require(batch.births[0].secretHash)
            #expect(
                batch.births[0].labelCode
                    == LabelCode.digest(serial: serial, code: try workshop.home.label(serial).label.code))
        }
        _ = try CloseBatch(home: workshop.home, batch: try BatchID("B-1")).perform(
            keys: workshop.keys, at: workshop.clock())
        #expect(PairingSecret.verify(secret, against: hash))
        let records = try workshop.records()
        #expect(records.contains(serial))
        for form in [secret, secret.replacing("-", with: ""), Base64.encode(Array(secret.utf8))] {
            #expect(!records.contains(form))
        }
        let folder = workshop.home.folder(of: try BatchID("B-1"))
        #expect(try String(contentsOfFile: folder.sheet, encoding: .utf8).contains(secret))
        for file in [folder.label(serial), folder.sheet] {
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test func `can do without a secret`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open(options: .init(serialPrefix: "T", labelSecrets: false))
        let serial = try #require(try SimulatedUnit().visit(batch).serial)
        #expect(serial.count == 9 && serial.hasPrefix("T"))
        #expect(try workshop.home.label(serial).label.secret == nil)
        #expect(batch.births[0].secretHash == nil && batch.births[0].labelCode != nil)
    }

    @Test(arguments: ["t", "-T", "T T", String(repeating: "T", count: 25)])
    func `has no serial with an unusable beginning`(prefix: String) throws {
        let workshop = try Workshop()
        #expect(throws: Refusal.self) { try workshop.open(options: .init(serialPrefix: prefix)) }
    }
}

@Suite struct `A pairing secret` {
    @Test func `is accepted however a person types it`() throws {
        let secret = PairingSecret.make(random: [0, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf])
        #expect(secret == "0123-4567-89AB-CDEF")
        let hash = try PairingSecret.hash(secret, salt: [UInt8](repeating: 7, count: 16))
        #expect(hash.hasPrefix("scrypt:16384:8:1:BwcHBwcHBwcHBwcHBwcHBw==:"))
        #expect(PairingSecret.isHash(hash))
        for typed in ["0123-4567-89AB-CDEF", "0123456789abcdef", " o i23 4567 89ab cdef ", "OL23-4567-89AB-CDEF"] {
            #expect(PairingSecret.verify(typed, against: hash), "\(typed)")
        }
        for wrong in ["", "0123-4567-89AB-CDEG", "0123-4567-89AB-CDE", "0123-4567-89AB-CDEFF", "0123-4567-89AB-CDEU"] {
            #expect(!PairingSecret.verify(wrong, against: hash), "\(wrong)")
        }
    }

    @Test(arguments: [
        "", "scrypt", "scrypt:1048576:8:1:BwcHBwcHBwcHBwcHBwcHBw==:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "scrypt:16384:1024:1:BwcHBwcHBwcHBwcHBwcHBw==:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "scrypt:1:8:1:BwcHBwcHBwcHBwcHBwcHBw==:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "scrypt:16384:8:1::", "bcrypt:16384:8:1:BwcHBwcHBwcHBwcHBwcHBw==:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
    ])
    func `is never verified against a weak, broken or costly hash`(stored: String) {
        #expect(!PairingSecret.isHash(stored))
        #expect(!PairingSecret.verify("0123-4567-89AB-CDEF", against: stored))
    }

    @Test func `has a label code beside it that belongs to one serial`() throws {
        let code = LabelCode.make(random: [0xff, 0, 0xff, 0, 0xff])
        #expect(code.count == 8)
        let digest = try #require(LabelCode.digest(serial: "A1", code: code))
        #expect(LabelCode.verify(serial: "A1", code: code.lowercased(), against: digest))
        #expect(!LabelCode.verify(serial: "A2", code: code, against: digest))
        #expect(!LabelCode.verify(serial: "A1", code: "", against: digest))
    }
}

import Agent
import Crypto
import Foundation
import NIOHTTP1
import Pairing
import Passport
import Registry
import Samples
import Server
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

@Suite struct `Secrets of a whole life` {
    /// What was said to anybody, in any answer, with who asked for what.
    private actor Heard {
        private(set) var answers: [(what: String, body: String)] = []
        func note(_ what: String, _ body: String) { answers.append((what, body)) }
    }

    private static let owner = "Canaria Augusta Lovelace"
    private static let configuration = "wifi-of-canaria-1815"
    private static let pairing = PairingSecret.make(random: Array(31...40))

    /// A life with everything secret or personal in it. Afterwards the tenure is over.
    private struct Lived: Sendable {
        let bench: HouseBench
        let unit: BenchUnit
        let log: LogCollector
        /// Name and value; what must be nowhere.
        var secrets: [String: String] = [:]
        /// Personal, so never in logs, ledger or what others read; the registry has to know it while it is needed.
        let personal = [owner, configuration]
        var session = ""
        var formKey = ""
        var ben = ""
    }

    private func begin() async throws -> (Lived, Principal, Principal) {
        let log = LogCollector()
        let bench = try await HouseBench(log: log.logger, atRealTime: { _ in })
        let unit = try await bench.makeUnits(1)[0]
        let hash = try PairingSecret.hash(Self.pairing, salt: BenchClock.random(16))
        _ = try await bench.house.database.write { rows in
            try rows.execute("UPDATE device SET secret_hash = $1 WHERE id = $2", [.text(hash), Value(unit.device)])
        }
        let ada = try await bench.ownership(Self.owner)
        let ben = try await bench.ownership("Ben")
        var lived = Lived(bench: bench, unit: unit, log: log)
        let person = "\(Self.owner) herself"
        lived.secrets["pairing secret"] = Self.pairing
        lived.secrets["API token"] = try await bench.token(for: person)
        (lived.session, lived.formKey) = try await PeopleCredential.open(person, bench)
        lived.secrets["session"] = lived.session
        lived.secrets["form key"] = lived.formKey
        let link = try await bench.house.perform(SignInLink(person: person), as: .system).signInPath
        lived.secrets["sign-in link"] = String(link.split(separator: "/").last ?? "")
        lived.ben = try await bench.token(for: "Ben herself")
        let pem = try String(contentsOfFile: bench.birthKeyFile(unit), encoding: .utf8)
        lived.secrets["birth key"] = pem.split(separator: "\n").dropFirst().first.map(String.init) ?? ""
        for label in ["operational-issuing-1", "maker-root", "ledger-1", "release-1"] {
            let file = try String(contentsOfFile: "\(bench.folder)/keys/\(label).key.pem", encoding: .utf8)
            lived.secrets["key \(label)"] = file.split(separator: "\n").dropFirst().first.map(String.init) ?? ""
        }
        return (lived, ada, ben)
    }

    @Test(.timeLimit(.minutes(2))) func `are where they must be, and nowhere else`() async throws {
        let (began, ada, ben) = try await begin()
        let heard = Heard()
        let lived = try await DeviceBench.run(began.bench) { door in
            try await Self.live(began, ada, ben, door, heard)
        }
        #expect(lived.secrets.count >= 12 && lived.secrets.values.allSatisfy { $0.utf8.count >= 12 })
        let log = lived.log.text
        // The log was on, and says who came where.
        #expect(log.contains("/sign-in/{link}"))
        let files = try Self.files(lived.bench)
        let leaves = try await lived.bench.house.read { rows in
            try rows.query("SELECT entry FROM ledger").map { String(decoding: try $0.bytes("entry"), as: UTF8.self) }
        }.joined(separator: "\n")
        for (name, secret) in lived.secrets {
            let forms = [secret, secret.replacingOccurrences(of: "-", with: "")]
            for form in forms {
                #expect(!log.contains(form), "the \(name) stands in the log")
                #expect(!leaves.contains(form), "the \(name) stands in the ledger")
                for (what, body) in await heard.answers {
                    #expect(!body.contains(form), "the \(name) stands in the answer to \(what)")
                }
                // The key of a session's forms is no secret of its own: it is worth nothing without the session.
                for (file, bytes) in files where name != "form key" {
                    #expect(bytes.range(of: Data(form.utf8)) == nil, "the \(name) stands in \(file)")
                }
            }
        }
        for word in lived.personal {
            #expect(!log.contains(word), "\(word) stands in the log")
            #expect(!leaves.contains(word), "\(word) stands in the ledger")
            for (what, body) in await heard.answers {
                #expect(!body.contains(word), "\(word) stands in the answer to \(what)")
            }
        }
        // What belonged to the tenure is gone from the files, too.
        for (file, bytes) in files {
            #expect(bytes.range(of: Data(Self.configuration.utf8)) == nil, "the configuration stands in \(file)")
        }
    }

    private static func files(_ bench: HouseBench) throws -> [(String, Data)] {
        let folders = ["", "artifacts/"]
        return try folders.flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: bench.folder + "/" + folder)
                .filter { $0.hasPrefix("lifelong.db") || !folder.isEmpty }
                .map { ("\(folder)\($0)", try Data(contentsOf: URL(filePath: "\(bench.folder)/\(folder)\($0)"))) }
        }
    }

    // MARK: - The life

    private static func live(
        _ began: Lived, _ ada: Principal, _ ben: Principal, _ door: DeviceBench, _ heard: Heard
    ) async throws -> Lived {
        var lived = began
        let (house, unit) = (began.bench.house, began.unit)
        _ = try await house.perform(PairDevice(device: unit.serial, grade: .secret, secret: pairing), as: ada)
        let code = try await house.perform(IssueEnrolmentCode(device: unit.serial), as: ada).code
        lived.secrets["enrolment code"] = code
        let stock = try door.client()
        let request = try CertificationRequest.enrolment(device: unit.device, key: EphemeralKey())
        let basic = "Basic " + Base64.encode(Array("\(unit.serial):\(code)".utf8))
        #expect(try await stock.enrol(request, headers: ["Authorization": basic]).status == 200)
        try await speakAsStockClient(&lived, ada, stock)
        _ = try await house.perform(
            ConfigureDevice(device: unit.serial, document: "{\"wifi\":\"\(configuration)\"}"), as: ada)
        let held = try await began.bench.enrol(unit)
        let report = CheckInReport(agent: "test/1", sequence: 0, version: "1.0.0", log: [])
        let desired = try await door.client(held.identity).post(DeviceAPI.checkIn, json: report)
        #expect(desired.text.contains(configuration))
        let transfer = try await house.perform(OfferDevice(device: unit.serial), as: ada).code
        lived.secrets["transfer code"] = transfer
        try await misplace(lived, door, heard)
        _ = try await house.perform(AcceptDevice(device: unit.serial, code: transfer), as: ben)
        let nonce = try #require(try await door.birth(unit).status().wipe).nonce
        let receipt = Receipt(kind: .wiped, device: unit.device, at: began.bench.clock.now, nonce: nonce)
        let seal = try Seal.sign(
            type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(receipt), with: unit.key)
        #expect(try await door.birth(unit).post(DeviceAPI.receipts, json: seal).status == 200)
        try await readAsOthers(lived, door, heard)
        try await house.database.forgetDeleted()
        return lived
    }

    /// With a token, and with something personal in what the device says of itself.
    private static func speakAsStockClient(_ lived: inout Lived, _ ada: Principal, _ stock: BenchClient) async throws {
        let token = try await lived.bench.house.perform(IssueDeviceToken(device: lived.unit.serial), as: ada).token
        lived.secrets["device token"] = token
        let (path, headers) = (
            "/DEFAULT/controller/v1/\(lived.unit.serial)", HTTPHeaders([("Authorization", "TargetToken \(token)")])
        )
        #expect(try await stock.get(path, headers: headers).status == 200)
        let said = try await stock.send(
            .PUT, path + "/configData", Array("{\"data\":{\"network\":\"\(configuration)\"}}".utf8),
            type: "application/json", headers: headers)
        #expect(said.status == 200)
        try await speakAsMender(&lived, ada, stock)
    }

    /// With a key: its session and the link of its download are secrets, too.
    private static func speakAsMender(_ lived: inout Lived, _ ada: Principal, _ stock: BenchClient) async throws {
        let (house, serial) = (lived.bench.house, lived.unit.serial)
        let key = EphemeralKey()
        let held = AdoptDeviceTokens.Held(device: serial, key: try key.held(by: serial))
        _ = try await house.perform(AdoptDeviceTokens(tokens: [held]), as: ada)
        let bytes = try SampleArtifact().bytes()
        let sha256 = Wire.Digest(SHA256.hash(data: bytes))
        try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: 1, version: "1", hardware: [HouseBench.hardware], sha256: sha256,
                size: bytes.count), as: .system)
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: 1, devices: [serial]), as: .system)
        var client = MenderClient(client: stock, key: key)
        try await client.begin()
        let next = try await client.next()
        #expect(try await stock.get(next.path).status == 200)
        lived.secrets["Mender session"] = String(client.session.split(separator: ".")[1])
        lived.secrets["Mender link"] = String(next.path.split(separator: ".").last ?? "")
        _ = try await house.perform(WithdrawUpdate(device: serial, force: true), as: .system)
    }

    /// Every secret sent to every wrong place: as a path, a query, a token, a cookie, a password, in broken bodies.
    private static func misplace(_ lived: Lived, _ door: DeviceBench, _ heard: Heard) async throws {
        let people = BenchClient.anybody("http://127.0.0.1:\(door.ports.people)")
        let device = try door.client()
        let json: HTTPHeaders = ["Authorization": "Bearer \(lived.ben)", "Content-Type": "application/json"]
        for (name, secret) in lived.secrets {
            let encoded = secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            for (plane, client) in [("people", people), ("device", device), ("public", door.anybody)] {
                for path in ["/sign-in/\(encoded)", "/\(encoded)", "/devices?q=\(encoded)", "/ledger/\(encoded)"] {
                    // The page behind a link posts to itself: it may hold the link, the log may not.
                    if plane == "people", path.hasPrefix("/sign-in/") {
                        _ = try await client.get(path)
                        continue
                    }
                    await heard.note("\(plane): \(name) in a path", try await client.get(path).text)
                }
                for headers: HTTPHeaders in [
                    ["Authorization": "Bearer \(secret)x"], ["Cookie": "lifelong_session=\(secret)x"],
                    ["Authorization": "TargetToken \(secret)x"],
                    ["Authorization": "Basic \(Base64.encode(Array("\(lived.unit.serial)x:\(secret)".utf8)))"],
                ] {
                    for path in ["/api/v1/whoami", DeviceAPI.status, "/DEFAULT/controller/v1/\(lived.unit.serial)"] {
                        await heard.note(
                            "\(plane): \(name) in a header", try await client.get(path, headers: headers).text)
                    }
                }
            }
            for body in ["{\"device\":\"\(secret)\"", "{\"device\":[\"\(secret)\"]}", "\(secret)"] {
                for path in ["/api/v1/pairing/pair-device", "/api/v1/transfer/accept-device", "/claim/pair"] {
                    let answer = try await people.send(.POST, path, Array(body.utf8), headers: json)
                    await heard.note("\(name) in a broken body", answer.text)
                }
            }
            let wrong = "{\"device\":\"\(lived.unit.serial)\",\"grade\":\"secret\",\"secret\":\"\(secret)\"}"
            let answer = try await people.send(.POST, "/api/v1/pairing/pair-device", Array(wrong.utf8), headers: json)
            await heard.note("\(name) as a pairing secret", answer.text)
        }
    }

    /// The new owner and the staff read everything that they may: the former owner is nowhere in it.
    private static func readAsOthers(_ lived: Lived, _ door: DeviceBench, _ heard: Heard) async throws {
        let people = BenchClient.anybody("http://127.0.0.1:\(door.ports.people)")
        _ = try await lived.bench.person("auditor", .auditor)
        let auditor = try await lived.bench.token(for: "auditor")
        let serial = lived.unit.serial
        for token in [lived.ben, auditor] {
            for path in [
                "/api/v1/devices/\(serial)", "/api/v1/devices/\(serial)/passport", "/api/v1/devices/\(serial)/evidence",
                "/api/v1/devices", "/api/v1/alarms", "/api/v1/ledger/entries?limit=200", "/api/v1/owners",
                "/api/v1/people",
                "/api/v1/fleet", "/", "/devices/\(serial)", "/alarms", "/ledger", "/people",
            ] {
                let answer = try await people.get(path, headers: ["Authorization": "Bearer \(token)"])
                await heard.note("\(path) by somebody else", answer.text)
            }
        }
    }
}

import Foundation
import NIOHTTP1
import Passport
import Registry
import Retirement
import Testing
import Transfer
import Use
import Wire
import Workbench

@Suite struct `The rights of a client of hawkBit's interface` {
    private let file = "/softwaremodules/1/artifacts/\(HawkBitScene.file)"

    @Test func `end in quarantine except for a remedy, and are back with its end`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            for client in [try stock.client(door), try stock.client(door, token: await stock.token())] {
                let action = try await client.action()
                try await stock.scene.quarantine()
                #expect(try await client.poll().links == [])
                for refused in [
                    try await client.get("/deploymentBase/\(action)"), try await client.get(file),
                    try await client.report(action, "closed", "success"),
                ] { expectRefusal(refused, 403, rule: "stage quarantined: firmware") }
                expectRefusal(
                    try await client.send(.PUT, "/configData", #"{"data":{}}"#), 403,
                    rule: "stage quarantined: backEnd")
                try await stock.offer(1, remedy: true)
                let remedy = try await client.action()
                #expect(remedy != action)
                #expect(try await client.get(file).body == HawkBitScene.image)
                #expect(try await client.report(remedy, "closed", "failure").status == 200)
                _ = try await stock.house.perform(RestoreDevice(device: stock.scene.unit.serial), as: .system)
                try await stock.offer(1)
                #expect(try await client.poll().links.contains("deploymentBase"))
            }
        }
    }

    @Test func `are the birth certificate's as long as nobody owns the device, and never beside a back end`()
        async throws
    {
        let bench = try await HouseBench(atRealTime: { _ in })
        let unit = try await bench.makeUnits(1)[0]
        let ada = try await bench.ownership()
        try await DeviceBench.run(bench) { door in
            let birth = HawkBitClient(client: try door.birth(unit), path: "/x/controller/v1/\(unit.serial)")
            let poll = try await birth.poll()
            #expect(poll.links == [])
            expectRefusal(
                try await birth.send(.PUT, "/configData", #"{"data":{"a":"b"}}"#), 403, rule: "stage shipped: backEnd")
            try await bench.pair(unit, with: ada)
            expectRefusal(try await birth.get(), 403, rule: "IEEE 802.1AR §6")
        }
    }

    @Test func `of a token end with the tenure, and with the next token`() async throws {
        let stock = try await HawkBitScene()
        let (house, serial) = (stock.house, stock.scene.unit.serial)
        let ben = try await stock.scene.bench.ownership("Ben")
        try await DeviceBench.run(stock.scene.bench) { door in
            let first = try stock.client(door, token: await stock.token())
            #expect(try await first.get().status == 200)
            _ = try await first.send(.PUT, "/configData", #"{"data":{"wifi":"ada's"}}"#)
            let second = try stock.client(door, token: await stock.token())
            expectRefusal(try await first.get(), 401, rule: "token: tenure")
            #expect(try await second.get().status == 200)
            let code = try await house.perform(OfferDevice(device: serial), as: stock.scene.ada).code
            #expect(try await second.poll().links == [])
            _ = try await house.perform(AcceptDevice(device: serial, code: code), as: ben)
            expectRefusal(try await second.get(), 401, rule: "token: tenure")
            let kept = try await stock.kept()
            #expect(kept.token == nil && kept.attributes == nil && kept.progress == nil)
            expectRefusal(try await stock.client(door).get(), 403, rule: "certificate: revoked")
            try await stock.scene.wipe(door)
            expectRefusal(try await second.get(), 401, rule: "token: tenure")
            let issued = try await house.perform(IssueDeviceToken(device: serial), as: ben).token
            let third = try stock.client(door, token: issued)
            #expect(try await third.poll().links.contains("configData"))
            _ = try await house.perform(RetireDevice(device: serial, how: .recycled), as: .system)
            expectRefusal(try await third.get(), 401, rule: "token: tenure")
        }
    }

    @Test func `are only for a device's own path, whoever else's it may be`() async throws {
        let stock = try await HawkBitScene()
        let other = try await stock.scene.bench.makeUnits(1, station: "line-2")[0]
        try await DeviceBench.run(stock.scene.bench) { door in
            let own = try stock.client(door)
            let token = try await stock.token()
            for name in [other.serial, "NOBODY", stock.scene.unit.serial.lowercased(), "%2e%2e"] {
                let path = "/DEFAULT/controller/v1/\(name)"
                expectRefusal(try await own.client.get(path), 403, rule: "controller: own path")
                let headers: HTTPHeaders = ["Authorization": "TargetToken \(token)"]
                expectRefusal(try await door.client().get(path, headers: headers), 401, rule: "token: tenure")
            }
            let byName = try await own.client.get("/any/controller/v1/\(stock.scene.unit.device)")
            #expect(byName.status == 200)
        }
    }

    @Test func `come with a token in exactly its form`() async throws {
        let stock = try await HawkBitScene()
        let token = try await stock.token()
        try await DeviceBench.run(stock.scene.bench) { door in
            let nobody = try door.client()
            for wrong in [
                "targettoken \(token)", "TargetToken  \(token)", "TargetToken\t\(token)", "TargetToken \(token) x",
                "TargetToken", "Bearer \(token)", "GatewayToken \(token)", token,
                "TargetToken \(String(repeating: "x", count: 300))", "TargetToken \(token.uppercased())x",
            ] {
                let answer = try await nobody.get(stock.path, headers: ["Authorization": wrong])
                expectRefusal(answer, 401)
                #expect(answer.headers.first(name: "WWW-Authenticate") == #"TargetToken realm="lifelong""#)
                #expect(!answer.text.contains(token))
            }
        }
    }

    @Test func `come with tokens that devices had before, if they are such that nobody can guess`() async throws {
        let stock = try await HawkBitScene()
        let (serial, ada) = (stock.scene.unit.serial, stock.scene.ada)
        let other = try await stock.scene.bench.makeUnits(1, station: "line-2")[0]
        let held = "d6ae2d6cc6bc2b1ce0d9a5d6b4ad93f4"
        func adopt(_ tokens: [(String, String)], dryRun: Bool? = nil) async throws -> AdoptDeviceTokens.Answer {
            try await stock.house.perform(
                AdoptDeviceTokens(tokens: tokens.map { .init(device: $0.0, token: $0.1) }, dryRun: dryRun), as: ada)
        }
        for bad in [
            "short", String(repeating: "a", count: 31), String(repeating: "a", count: 129),
            String(repeating: "a b ", count: 10), String(repeating: "\u{e9}", count: 40),
        ] {
            let answer = try await adopt([(serial, bad)])
            #expect(answer.adopted == 0 && answer.refused.map(\.device) == [serial])
            #expect(answer.refused.allSatisfy { !$0.reason.contains(bad) })
        }
        let list = [(serial, held), (serial, held), ("NOBODY", held), (other.serial, held)]
        let tried = try await adopt(list, dryRun: true)
        #expect(tried.adopted == 1 && tried.refused.map(\.device) == [serial, "NOBODY", other.serial])
        #expect(try await stock.kept().token == nil)
        #expect(try await adopt(list) == tried)
        #expect(try await stock.entries("deviceTokenIssued") == 1)
        await #expect { try await adopt(Array(repeating: (serial, held), count: 1001)) } throws: {
            ($0 as? Refusal)?.code == .tooLarge
        }
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door, token: held)
            #expect(try await client.get().status == 200)
        }
    }

    @Test func `come with one token for all only where the maker wants that, and for that product`() async throws {
        let stock = try await HawkBitScene()
        let boxed = try await stock.scene.bench.makeUnits(1, shipped: false, station: "line-2")[0]
        @Sendable func set(_ allowed: Bool, _ token: String? = nil) async throws -> String? {
            try await stock.house.perform(
                SetGatewayToken(product: HouseBench.product, allowed: allowed, token: token), as: .system
            ).token
        }
        let token = try #require(try await set(true))
        try await DeviceBench.run(stock.scene.bench) { door in
            let nobody = try door.client()
            func get(_ serial: String, _ token: String) async throws -> BenchClient.Answer {
                try await nobody.get(
                    "/DEFAULT/controller/v1/\(serial)", headers: ["Authorization": "GatewayToken \(token)"])
            }
            #expect(try await get(stock.scene.unit.serial, token).status == 200)
            expectRefusal(try await get("NOBODY", token), 401, rule: "token: product")
            expectRefusal(try await get(stock.scene.unit.serial, String(token.dropLast())), 401, rule: "token: product")
            // Rights are the device's all the same, and so are alarms.
            expectRefusal(try await get(boxed.serial, token), 403, rule: "stage made: firmware")
            #expect(try await stock.scene.bench.alarms(.contactBeforeShipping, on: boxed) == 1)
            try await stock.scene.quarantine()
            #expect(try await get(stock.scene.unit.serial, token).text.contains("deploymentBase") == false)
            // As a target token it is none.
            let other = try await nobody.get(stock.path, headers: ["Authorization": "TargetToken \(token)"])
            expectRefusal(other, 401, rule: "token: tenure")
            #expect(try await set(true, "d6ae2d6cc6bc2b1ce0d9a5d6b4ad93f4") == nil)
            expectRefusal(try await get(stock.scene.unit.serial, token), 401, rule: "token: product")
            #expect(try await get(stock.scene.unit.serial, "d6ae2d6cc6bc2b1ce0d9a5d6b4ad93f4").status == 200)
            #expect(try await set(false) == nil)
            expectRefusal(try await get(stock.scene.unit.serial, token), 401, rule: "token: product")
        }
        await #expect {
            try await stock.house.perform(
                SetGatewayToken(product: ProductID(trusted: "none"), allowed: true), as: .system)
        } throws: {
            ($0 as? Refusal)?.code == .notFound
        }
    }

    @Test func `are not tried out for ever, and yet never lost beside somebody who tries`() async throws {
        let stock = try await HawkBitScene()
        let right = try await stock.token()
        try await DeviceBench.run(stock.scene.bench) { door in
            var answers: Set<Int> = []
            let nobody = try door.client()
            for number in 0..<40 {
                let wrong = ["Authorization": "TargetToken wrong-\(number)"] as HTTPHeaders
                answers.insert(try await nobody.get(stock.path, headers: wrong).status)
            }
            #expect(answers == [401, 429])
            #expect(try await stock.client(door, token: right).get().status == 200)
        }
    }

    @Test func `are nothing without a well-formed body of the right kind`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            let action = try await client.action()
            let feedback = "/deploymentBase/\(action)/feedback"
            for bad in [
                "", "{", "[]", "{}", #"{"status":{}}"#, #"{"status":{"execution":"closed"}}"#,
                #"{"status":{"execution":"over","result":{"finished":"success"}}}"#,
                #"{"status":{"execution":"closed","result":{"finished":"maybe"}}}"#,
                #"{"status":{"execution":"closed","result":{"finished":"success"},"details":"text"}}"#,
                #"{"status":{"execution":"closed","result":{"finished":"success"},"code":1e99}}"#,
                String(repeating: "[", count: 5000),
            ] { expectRefusal(try await client.send(.POST, feedback, bad), 400) }
            for bad in [#"{"data":7}"#, #"{"data":{"a":7}}"#, #"{"mode":"add","data":{}}"#, "null"] {
                expectRefusal(try await client.send(.PUT, "/configData", bad), 400)
            }
            for bad in [#"{"confirmation":"yes"}"#, "{}"] {
                expectRefusal(try await client.send(.POST, "/confirmationBase/\(action)/feedback", bad), 400)
            }
            let whole = #"{"status":{"execution":"closed","result":{"finished":"success"}}}"#
            for type in ["text/plain", "application/xml", ""] {
                expectRefusal(try await client.send(.POST, feedback, whole, type: type), 415)
            }
            let large = #"{"data":{"a":"\#(String(repeating: "x", count: 70_000))"}}"#
            expectRefusal(try await client.send(.PUT, "/configData", large), 413)
            for action in ["0", "-1", "x", "1e3", "999999999999999999", "99999999999999999999999"] {
                expectRefusal(try await client.get("/deploymentBase/\(action)"), 404)
                expectRefusal(try await client.send(.POST, "/deploymentBase/\(action)/feedback", whole), 404)
            }
            for file in ["x", "..%2f\(HawkBitScene.file)", HawkBitScene.file + "x", HawkBitScene.file + ".SHA1SUM"] {
                expectRefusal(try await client.get("/softwaremodules/1/artifacts/\(file)"), 404)
            }
            expectRefusal(try await client.get("/softwaremodules/2/artifacts"), 403, rule: "update: offered only")
            #expect(try await client.send(.DELETE, "/deploymentBase/\(action)", "").status == 405)
            // Nothing of all that changed anything.
            #expect(try await stock.scene.passport().offeredUpdate?.sequence == 1)
            #expect(try await stock.kept().attributes == nil)
        }
    }

    @Test func `keep what a device says of itself within bounds`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            func put(_ mode: String?, _ data: [String: String]) async throws -> Int {
                let members = String(decoding: try CanonicalJSON.encode(data), as: UTF8.self)
                let head = mode.map { "\"mode\":\"\($0)\"," } ?? ""
                return try await client.send(.PUT, "/configData", "{\(head)\"data\":\(members)}").status
            }
            #expect(try await put(nil, ["a": "1", "b": "2"]) == 200)
            #expect(try await put("merge", ["b": "3", "nul": "x\u{0}y"]) == 200)
            #expect(try await stock.kept().attributes == ["a": "1", "b": "3", "nul": "x y"])
            #expect(try await put("remove", ["nul": "", "none": ""]) == 200)
            #expect(try await stock.kept().attributes == ["a": "1", "b": "3"])
            #expect(try await put("replace", ["c": "4"]) == 200)
            #expect(try await stock.kept().attributes == ["c": "4"])
            #expect(try await put("merge", ["long": String(repeating: "x", count: 257)]) == 413)
            #expect(try await put("merge", ["": "x"]) == 413)
            let many = Dictionary(uniqueKeysWithValues: (0..<64).map { ("k\($0)", "v") })
            #expect(try await put("merge", many) == 413)
            #expect(try await put("replace", many) == 200)
            let action = try await client.action()
            for _ in 0..<3 {
                let details = (0..<48).map { "\"line \($0) \(String(repeating: "y", count: 1500))\\u0000\"" }
                let body =
                    #"{"status":{"execution":"proceeding","result":{"finished":"none"},"details":["#
                    + details.joined(separator: ",") + "]}}"
                #expect(try await client.send(.POST, "/deploymentBase/\(action)/feedback", body).status == 200)
            }
            let kept = try #require(try await stock.kept().progress?.messages)
            #expect(kept.count == StockClient.maximumMessages)
            #expect(kept.allSatisfy { $0.utf8.count <= StockClient.maximumMessageBytes && !$0.contains("\u{0}") })
            #expect(kept.last?.hasPrefix("line 47") == true)
        }
    }
}

import Design
import Foundation
import NIOHTTP1
import Passport
import Registry
import Release
import Samples
import Server
import Store
import Testing
import Trust
import Use
import Wire
import Workbench

@Suite struct `A client of Mender's interface` {
    @Test(arguments: KeyAlgorithm.allCases) func `waits until its key is accepted, and then gets a session`(
        _ algorithm: KeyAlgorithm
    ) async throws {
        let device = try await MenderScene(accepted: false, key: algorithm)
        try await DeviceBench.run(device.scene.bench) { door in
            let client = MenderClient(client: try door.client(), key: device.key)
            let refused = try await client.authenticate()
            expectRefusal(refused, 401, rule: "mender: key not accepted")
            // What its client writes into its log says which key to accept.
            struct Said: Decodable { var error: String }
            #expect(try refused.json(Said.self).error.contains(device.key.keyDigest.description))
            try await device.accept()
            let answer = try await client.authenticate()
            #expect(answer.status == 200 && answer.text.hasPrefix(device.scene.unit.device.text + "."))
            // Each session ends the one before.
            var (first, second) = (client, client)
            first.session = answer.text
            #expect(try await first.ask().status == 204)
            try await second.begin()
            #expect(try await second.ask().status == 204)
            expectRefusal(try await first.ask(), 401, rule: "mender: session")
            device.scene.bench.clock.advance(seconds: IssueMenderTicket.sessionSeconds)
            expectRefusal(try await second.ask(), 401, rule: "mender: session")
        }
        #expect(try await device.entries("deviceKeyAccepted") == 1)
    }

    @Test func `proves its key by a signature over exactly what it sends`() async throws {
        let device = try await MenderScene()
        try await DeviceBench.run(device.scene.bench, settings: { $0.door.wrongTokens = 1000 }) { door in
            let client = MenderClient(client: try door.client(), key: device.key)
            let body = try MenderClient.request(device.key)
            let signature = Base64.encode(try device.key.signature(over: body))
            #expect(try await client.authenticate(body, signature: signature).status == 200)
            for wrong in [
                "", "!", String(signature.dropFirst(4)), String(repeating: "A", count: 5000),
                Base64.encode(try EphemeralKey().signature(over: body)),
                Base64.encode(try device.key.signature(over: body + [32])),
            ] {
                expectRefusal(try await client.authenticate(body, signature: wrong), 401, rule: "mender: signature")
            }
            // White space is a part of what was signed.
            expectRefusal(
                try await client.authenticate(body + [32], signature: signature), 401, rule: "mender: signature")
            // Another's key with one's own signature.
            expectRefusal(
                try await client.authenticate(try MenderClient.request(EphemeralKey())), 401, rule: "mender: signature")
            let other = MenderClient(client: try door.client(), key: EphemeralKey())
            expectRefusal(try await other.authenticate(), 401, rule: "mender: key not accepted")
            let pem = PEM.encode(device.key.publicKeyDER, label: "PUBLIC KEY").replacingOccurrences(
                of: "\n", with: "\\n")
            for bad in [
                "", "{}", "[]", #"{"id_data":"{}"}"#, #"{"id_data":7,"pubkey":"x"}"#,
                #"{"id_data":"no json","pubkey":"\#(pem)"}"#, #"{"id_data":"{}","pubkey":"no pem"}"#,
                #"{"id_data":"{}","pubkey":"\#(pem)\#(pem)"}"#,
                #"{"id_data":"{}","pubkey":"\#(pem.replacingOccurrences(of: "PUBLIC", with: "PRIVATE"))"}"#,
                #"{"id_data":"{}","pubkey":"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}"#,
                #"{"id_data":"{\"x\":\"\#(String(repeating: "x", count: 5000))\"}","pubkey":"\#(pem)"}"#,
            ] {
                let answer = try await client.authenticate(Array(bad.utf8))
                #expect([400, 413].contains(answer.status), "\(bad.prefix(80)): \(answer.text)")
                #expect(answer.refusal != nil)
            }
            let large = try await client.authenticate([UInt8](repeating: 32, count: 20_000))
            #expect(large.status == 413)
        }
    }

    @Test func `is led to the artifact, and what it reports becomes the server's observation`() async throws {
        let device = try await MenderScene()
        let bytes = try await device.release()
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            let next = try await client.next()
            #expect(next.artifact.artifact_name == "release-1" && next.artifact.device_types_compatible == ["board-a"])
            #expect(next.artifact.source.uri.hasPrefix("https://localhost:\(door.ports.device)/api/"))
            let now = device.scene.bench.clock.now
            #expect((now...now.adding(days: 1)).contains(next.artifact.source.expire))
            // Without credentials, as the client does it.
            let nobody = try door.client()
            #expect(try await nobody.get(next.path).body == bytes)
            let part = try await nobody.get(next.path, headers: ["Range": "bytes=1000-"])
            #expect(part.status == 206 && part.body == Array(bytes[1000...]))
            for status in ["downloading", "downloading", "installing", "pause_before_rebooting", "rebooting"] {
                let answer = try await client.report(next.id, status)
                #expect(answer.status == 204 && answer.body.isEmpty && !answer.headers.contains(name: "Content-Length"))
            }
            let messages = try await device.kept().progress?.messages
            #expect(messages == ["downloading", "installing", "pause_before_rebooting", "rebooting"])
            // Offered until the action is closed: the client asks again after its restart.
            let later = try await client.next()
            #expect(later.id == next.id)
            for _ in 1...2 { #expect(try await client.report(next.id, "success").status == 204) }
            let passport = try await device.scene.passport()
            #expect(passport.installed?.sequence == 1 && passport.installed?.observed == true)
            #expect(try await device.entries("updateObserved") == 1)
            #expect(try await client.ask().status == 204)
            // It is over: nothing else may be said of it, and nothing fetched.
            for late in ["installing", "failure"] {
                let answer = try await client.report(next.id, late)
                #expect(answer.status == (late == "failure" ? 204 : 409), "\(late): \(answer.text)")
            }
            #expect(try await device.entries("updateObserved") == 1)
            expectRefusal(try await nobody.get(later.path), 403, rule: "update: offered only")
        }
    }

    @Test func `tells of a failure, and its log afterwards, bounded`() async throws {
        let device = try await MenderScene()
        try await device.release()
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            let id = try await client.next().id
            let place = "\(MenderClient.deployments)/\(id)/log"
            let lines = (0..<500).map {
                #"{"level":"debug","message":"line \#($0)","timestamp":"2026-11-21T22:24:26Z"}"#
            }
            let error = #"{"level":"error","message":"no space\u0007 \#(String(repeating: "x", count: 900))"}"#
            expectRefusal(try await client.send(.PUT, place, #"{"messages":[]}"#), 404)
            #expect(try await client.report(id, "installing").status == 204)
            for _ in 1...2 { #expect(try await client.report(id, "failure").status == 204) }
            #expect(try await client.report(id, "success").status == 409)
            #expect(try await device.entries("updateObserved") == 1)
            #expect(try await device.scene.passport().installed == nil)
            let log = #"{"messages":[\#((lines + [error]).joined(separator: ","))]}"#
            #expect(try await client.send(.PUT, place, log).status == 204)
            let messages = try #require(try await device.kept().progress?.messages)
            #expect(messages.prefix(2) == ["installing", "failure"] && messages.count == 3)
            #expect(messages[2].hasPrefix("error: no space  x") && messages[2].utf8.count <= 512)
            for bad in ["", "{}", #"{"messages":[7]}"#, #"{"messages":{"message":"x"}}"#] {
                expectRefusal(try await client.send(.PUT, place, bad), 400)
            }
            let large = String(repeating: " ", count: 1 << 20) + "{}"
            #expect(try await client.send(.PUT, place, large).status == 413)
            #expect(try await client.send(.PUT, "\(MenderClient.deployments)/1/log", #"{"messages":[]}"#).status == 404)
        }
    }

    @Test func `is asked to stop by a conflict, and the offer ends when it has stopped`() async throws {
        let device = try await MenderScene()
        try await device.release()
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            let withdraw = WithdrawUpdate(device: device.scene.unit.serial)
            // Stopped by its own word.
            var next = try await client.next()
            #expect(try await client.report(next.id, "downloading").status == 204)
            #expect(try await device.house.perform(withdraw, as: .system).withdrawn == false)
            #expect(try await door.client().get(next.path).status == 403)
            expectRefusal(try await client.report(next.id, "installing"), 409, rule: "action: over")
            #expect(try await client.report(next.id, "failure").status == 204)
            #expect(try await device.entries("updateWithdrawn") == 1)
            #expect(try await client.report(next.id, "failure").status == 204)
            // Known to have stopped because it asks for work.
            try await device.offer(1)
            next = try await client.next()
            #expect(try await client.report(next.id, "downloading").status == 204)
            #expect(try await device.house.perform(withdraw, as: .system).withdrawn == false)
            #expect(try await client.ask().status == 204)
            #expect(try await device.entries("updateWithdrawn") == 2)
            // Too late: it has it.
            try await device.offer(1)
            next = try await client.next()
            #expect(try await client.report(next.id, "installing").status == 204)
            #expect(try await device.house.perform(withdraw, as: .system).withdrawn == false)
            #expect(try await client.report(next.id, "success").status == 204)
            #expect(try await device.scene.passport().installed?.sequence == 1)
            #expect(try await device.entries("updateWithdrawn") == 2)
            #expect(try await device.entries("updateObserved") == 1)
            // Taken back without waiting, and installed all the same: it runs what it runs.
            try await device.release(2)
            next = try await client.next()
            #expect(try await client.report(next.id, "installing").status == 204)
            let forced = WithdrawUpdate(device: device.scene.unit.serial, force: true)
            #expect(try await device.house.perform(forced, as: .system).withdrawn)
            expectRefusal(try await client.report(next.id, "installing"), 409, rule: "action: over")
            #expect(try await client.report(next.id, "success").status == 204)
            #expect(try await device.scene.passport().installed?.sequence == 2)
        }
    }

    @Test func `gets no artifact that is not for its kind, and that is how the offer ends`() async throws {
        let device = try await MenderScene()
        try await device.release(1) { $0.needs = #","artifact_name":["release-0"],"colour":["red","blue"]"# }
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            var failed = 0
            for (said, why) in [
                (#"{"artifact_name":"release-0","device_type":"board-z","colour":"red"}"#, "device_type board-a"),
                (#"{"artifact_name":"release-9","device_type":"board-a","colour":"red"}"#, "artifact_name release-0"),
                (#"{"artifact_name":"release-0","device_type":"board-a","colour":"green"}"#, "colour red or blue"),
                (#"{"artifact_name":"release-0","device_type":"board-a"}"#, "needs colour"),
                (#"{}"#, "needs artifact_name"),
            ] {
                #expect(try await client.ask(said).status == 204)
                failed += 1
                #expect(try await device.entries("updateObserved") == failed, "\(said)")
                let last = try await device.kept().progress?.messages.last
                #expect(last?.contains(why) == true, "\(last ?? "")")
                try await device.offer(1)
            }
            let whole = #"{"artifact_name":"release-0","device_type":"board-a","colour":"blue"}"#
            #expect(try await client.ask(whole).status == 200)
            // The oldest form says two things only, and the rest is for the device to judge.
            let path = MenderClient.deployments + "/next"
            let old = try await client.client.get(
                path + "?artifact_name=release%2D0&device_type=board-a", headers: client.headers)
            #expect(old.status == 200, "\(old.text)")
            #expect(try await client.send(.POST, path, whole).status == 200)
            for bad in ["?artifact_name", "?device_type=%ff", "?=&x"] {
                expectRefusal(
                    try await client.client.get(path + bad, headers: client.headers), 400, rule: "mender: query")
            }
            for bad in ["", "[]", #"{"device_provides":7}"#, #"{"device_provides":{"a":{"b":1}}}"#, "{}"] {
                let answer = try await client.send(
                    .POST, MenderClient.base + "/v2/deployments/device/deployments/next", bad)
                expectRefusal(answer, 400)
            }
            let text = try await client.send(.POST, path, whole, type: "text/plain")
            expectRefusal(text, 415)
        }
    }

    @Test func `says what its device is like, in bounds`() async throws {
        let device = try await MenderScene()
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            let said =
                #"[{"name":"ip","value":["10.0.0.1",7,true,1.5]},{"name":"mem","value":4096,"description":"kB"},"#
                + #"{"name":"long","value":"\#(String(repeating: "\u{e9}", count: 300))"}]"#
            let answer = try await client.inventory(said)
            #expect(answer.status == 200)
            var kept = try await device.kept().attributes
            #expect(kept?["ip"] == "10.0.0.1, 7, true, 1.5" && kept?["mem"] == "4096")
            #expect(kept?["long"]?.utf8.count == 256)
            #expect(try await client.inventory(#"[{"name":"mem","value":1}]"#, .PATCH).status == 200)
            kept = try await device.kept().attributes
            #expect(kept?.count == 3 && kept?["mem"] == "1")
            #expect(try await client.inventory(#"[{"name":"mem","value":2}]"#).status == 200)
            #expect(try await device.kept().attributes == ["mem": "2"])
            for bad in ["", "{}", #"[{"name":"x"}]"#, #"[{"name":7,"value":"x"}]"#, #"[{"name":"x","value":{}}]"#] {
                expectRefusal(try await client.inventory(bad), 400)
            }
            expectRefusal(try await client.inventory(#"[{"name":"","value":"x"}]"#), 413)
            let many = (0..<65).map { #"{"name":"n\#($0)","value":1}"# }.joined(separator: ",")
            expectRefusal(try await client.inventory("[\(many)]"), 413)
            #expect(try await client.inventory(String(repeating: " ", count: 70_000)).status == 413)
            #expect(try await device.kept().attributes == ["mem": "2"])
        }
    }

    @Test func `reports only what there is, in words that there are`() async throws {
        let device = try await MenderScene()
        try await device.release()
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            let id = try await client.next().id
            for other in ["1", "999999999", "x", "-1", "99999999999999999999"] {
                expectRefusal(try await client.report(other, "success"), 404)
            }
            for bad in ["", "{}", #"{"status":"done"}"#, #"{"status":7}"#, "[]"] {
                expectRefusal(try await client.send(.PUT, "\(MenderClient.deployments)/\(id)/status", bad), 400)
            }
            let answer = try await client.send(.POST, "\(MenderClient.deployments)/\(id)/status", "{}")
            #expect(answer.status == 405)
            #expect(try await client.report(id, "already-installed").status == 204)
            #expect(try await device.scene.passport().installed?.sequence == 1)
        }
    }

    @Test func `takes nothing where updates wait for somebody at the device, whom its client does not ask`()
        async throws
    {
        let device = try await MenderScene { $0.confirmUpdates = true }
        try await device.release()
        try await DeviceBench.run(device.scene.bench) { door in
            let answer = try await device.client(door).ask()
            let offered = try await device.scene.passport().offeredUpdate
            #expect(answer.status == 204 && offered?.sequence == 1)
        }
    }

    // MARK: - What may be published

    @Test func `has artifacts that were whole when they were published`() async throws {
        let device = try await MenderScene()
        var bytes = try SampleArtifact().bytes()
        let payload = try #require(bytes.lastIndex(of: UInt8(ascii: "p")))
        bytes[payload] ^= 1
        let before = try await device.house.read { rows in try rows.count("SELECT COUNT(*) AS n FROM release", []) }
        await #expect(throws: Refusal.self) { try await device.publish(1, bytes) }
        await #expect(throws: Refusal.self) {
            try await device.publish(1, Array(try SampleArtifact().bytes().dropLast(1024)))
        }
        // As tar would pack it: refused by the reason, and no file of another kind.
        let foreign = SampleTar.write([("./version", Array(SampleArtifact().version.utf8))])
        await #expect(throws: Refusal.self) { try await device.publish(1, foreign) }
        let after = try await device.house.read { rows in try rows.count("SELECT COUNT(*) AS n FROM release", []) }
        #expect(before == 0 && after == 0)
        try await device.publish(1, try SampleArtifact().bytes())
    }

    @Test func `has artifacts that a signer of their product signed, where it has signers`() async throws {
        let device = try await MenderScene()
        let signer = EphemeralKey(.ed25519)
        let grace = try await device.scene.bench.person("Grace", .makerAdmin)
        _ = try await device.house.perform(
            AddSigner(
                product: HouseBench.product, layer: nil, person: "Grace", key: Base64.encode(signer.publicKeyDER),
                inToken: false), as: grace)
        @Sendable func signed(by key: any SigningKey) -> @Sendable ([UInt8]) throws -> [UInt8] {
            { try key.signature(over: $0) }
        }
        func expectRefused(_ sequence: Int, _ sign: (@Sendable ([UInt8]) throws -> [UInt8])?) async throws {
            var sample = SampleArtifact()
            sample.sign = sign
            let bytes = try sample.bytes()
            do {
                try await device.publish(sequence, bytes)
                Issue.record("it was published")
            } catch let refusal as Refusal {
                #expect(refusal.rule == "mender: manifest.sig")
            }
        }
        try await expectRefused(1, nil)
        try await expectRefused(1, signed(by: EphemeralKey(.ed25519)))
        try await expectRefused(1) { _ in [UInt8](repeating: 1, count: 64) }
        var sample = SampleArtifact()
        sample.sign = signed(by: signer)
        try await device.publish(1, try sample.bytes())
        // What is no Mender artifact needs no such signature.
        try await device.publish(2, Array("an image".utf8))
        // Where the product names keys for artifacts, its signers' count no more: they may be others.
        let named = EphemeralKey(.ed25519)
        let rules = AdmissionRules(
            sbom: false, provenance: false, builders: [], artifactKeys: [Base64.encode(named.publicKeyDER)])
        _ = try await device.house.perform(
            PublishProduct(
                product: HouseBench.product, title: "Thermostat 2", hardware: HouseBench.hardware, admission: rules),
            as: .system)
        try await expectRefused(3, signed(by: signer))
        try await expectRefused(3, nil)
        sample.sign = signed(by: named)
        try await device.publish(3, try sample.bytes())
    }
}

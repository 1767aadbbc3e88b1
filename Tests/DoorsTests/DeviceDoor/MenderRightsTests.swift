import Foundation
import NIOHTTP1
import Passport
import Registry
import Retirement
import Samples
import Server
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

@Suite struct `The rights of a client of Mender's interface` {
    @Test func `end in quarantine except for a remedy, and are back with its end`() async throws {
        let device = try await MenderScene()
        let bytes = try await device.release()
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            let nobody = try door.client()
            let next = try await client.next()
            try await device.scene.quarantine()
            #expect(try await client.ask().status == 204)
            for refused in [
                try await client.report(next.id, "success"), try await nobody.get(next.path),
            ] { expectRefusal(refused, 403, rule: "stage quarantined: firmware") }
            expectRefusal(try await client.inventory("[]"), 403, rule: "stage quarantined: backEnd")
            // A new session changes nothing.
            let again = try await device.client(door)
            #expect(try await again.ask().status == 204)
            try await device.offer(1, remedy: true)
            let remedy = try await again.next()
            #expect(remedy.id != next.id)
            #expect(try await nobody.get(remedy.path).body == bytes)
            #expect(try await nobody.get(next.path).status == 401)
            #expect(try await again.report(remedy.id, "failure").status == 204)
            _ = try await device.house.perform(RestoreDevice(device: device.scene.unit.serial), as: .system)
            try await device.offer(1)
            #expect(try await again.ask().status == 200)
        }
    }

    @Test func `end with the tenure, and the next owner accepts the key anew`() async throws {
        let device = try await MenderScene()
        let (house, serial) = (device.house, device.scene.unit.serial)
        let ben = try await device.scene.bench.ownership("Ben")
        try await device.release()
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            let nobody = try door.client()
            let link = try await client.next().path
            #expect(try await client.inventory(#"[{"name":"wifi","value":"ada's"}]"#).status == 200)
            let code = try await house.perform(OfferDevice(device: serial), as: device.scene.ada).code
            #expect(try await client.ask().status == 204)
            _ = try await house.perform(AcceptDevice(device: serial, code: code), as: ben)
            expectRefusal(try await client.ask(), 401, rule: "mender: session")
            expectRefusal(try await nobody.get(link), 401, rule: "mender: link")
            expectRefusal(try await client.authenticate(), 401, rule: "mender: key not accepted")
            let kept = try await device.kept()
            #expect(kept.menderKey == nil && kept.mender == MenderTickets() && kept.attributes == nil)
            try await device.scene.wipe(door)
            expectRefusal(try await client.authenticate(), 401, rule: "mender: key not accepted")
            let held = try device.held(device.key)
            #expect(try await device.adopt([held]).adopted == 0)
            let answer = try await house.perform(AdoptDeviceTokens(tokens: [held]), as: ben)
            #expect(answer.adopted == 1)
            let again = try await device.client(door)
            #expect(try await again.ask().status == 200)
            _ = try await house.perform(RetireDevice(device: serial, how: .recycled), as: .system)
            expectRefusal(try await again.ask(), 401, rule: "mender: session")
            expectRefusal(try await again.authenticate(), 401, rule: "mender: key not accepted")
        }
    }

    @Test func `are one device's, and never another's`() async throws {
        let device = try await MenderScene()
        let (mine, ada) = (device.scene.unit, device.scene.ada)
        let other = try await device.scene.bench.makeUnits(1, station: "line-2")[0]
        try await device.scene.bench.pair(other, with: ada)
        let (live, otherKey) = (try await device.scene.bench.enrol(other), EphemeralKey())
        let answer = try await device.adopt([device.held(otherKey, by: other.serial)])
        #expect(answer.adopted == 1)
        try await device.release()
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            var foreign = MenderClient(client: try door.client(), key: otherKey)
            try await foreign.begin()
            #expect(try await foreign.ask().status == 204)
            let next = try await client.next()
            // What it may not say of another's deployment.
            expectRefusal(try await foreign.report(next.id, "success"), 404)
            expectRefusal(
                try await foreign.send(.PUT, "\(MenderClient.deployments)/\(next.id)/log", #"{"messages":[]}"#), 404)
            // A session under another name, made up, cut, or in another form.
            let secret = String(client.session.split(separator: ".")[1])
            for stolen in [
                "\(other.device).\(secret)", "\(mine.device).\(String(repeating: "0", count: 64))", secret,
                "\(mine.device).", "\(mine.device).\(secret.dropLast())", "\(client.session)0", " \(client.session)",
                "nobody.\(secret)", "", "\(client.session).x",
                next.path.split(separator: "/").last.map(String.init) ?? "",
            ] {
                var thief = client
                thief.session = stolen
                expectRefusal(try await thief.ask(), 401, rule: "mender: session")
                let link = "/api/devices/v1/deployments/download/\(stolen)"
                if !stolen.isEmpty, stolen.first != " ", !next.path.hasSuffix(stolen) {
                    expectRefusal(try await foreign.client.get(link), 401, rule: "mender: link")
                }
            }
            for scheme in [
                "bearer \(client.session)", "Bearer  \(client.session)", client.session, "TargetToken \(secret)",
            ] {
                let path = MenderClient.deployments + "/next?artifact_name=a&device_type=board-a"
                expectRefusal(try await client.client.get(path, headers: ["Authorization": scheme]), 401)
            }
            // Over another's certificate neither a session nor a link is worth anything.
            let shown = try door.client(live.identity)
            let path = MenderClient.deployments + "/next?artifact_name=a&device_type=board-a"
            expectRefusal(try await shown.get(path, headers: client.headers), 401, rule: "mender: session")
            expectRefusal(try await shown.get(next.path), 401, rule: "mender: link")
            #expect(try await shown.get(path, headers: foreign.headers).status == 204)
            // And its key is not another's, whatever certificate is shown.
            expectRefusal(
                try await MenderClient(client: shown, key: device.key).authenticate(), 401, rule: "key: one device")
        }
    }

    @Test func `come with a certificate without any key being accepted, and then only with it`() async throws {
        let device = try await MenderScene(accepted: false)
        let bytes = try await device.release()
        try await DeviceBench.run(device.scene.bench) { door in
            let shown = try door.client(device.scene.operational.identity)
            var client = MenderClient(client: shown, key: device.key)
            try await client.begin()
            let next = try await client.next()
            #expect(try await shown.get(next.path).body == bytes)
            #expect(try await client.inventory("[]").status == 200)
            let bare = MenderClient(client: try door.client(), key: device.key, session: client.session)
            expectRefusal(try await bare.ask(), 401, rule: "mender: session")
            expectRefusal(try await bare.client.get(next.path), 401, rule: "mender: link")
            expectRefusal(try await bare.authenticate(), 401, rule: "mender: key not accepted")
            // The birth certificate is not for this, where there is a back end.
            let birth = MenderClient(
                client: try door.birth(device.scene.unit), key: device.key, session: client.session)
            expectRefusal(try await birth.authenticate(), 403, rule: "IEEE 802.1AR §6")
            expectRefusal(try await birth.ask(), 403, rule: "IEEE 802.1AR §6")
            // A renewed certificate is another one; its client asks for a session again.
            let renewed = try await device.scene.bench.enrol(device.scene.unit)
            expectRefusal(try await client.ask(), 403, rule: "certificate: revoked")
            var next2 = MenderClient(
                client: try door.client(renewed.identity), key: device.key, session: client.session)
            expectRefusal(try await next2.ask(), 401, rule: "mender: session")
            try await next2.begin()
            #expect(try await next2.ask().status == 200)
        }
    }

    @Test func `end for a link with its time, its successor and its update`() async throws {
        let device = try await MenderScene()
        try await device.release(1)
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            let nobody = try door.client()
            // The next poll is told the same one, and writes nothing.
            let first = try await client.next()
            let kept = try await device.kept().mender
            #expect(try await client.next() == first)
            #expect(try await device.kept().mender == kept)
            #expect(try await nobody.get(first.path).status == 200)
            // With half of its time over there is a new one.
            device.scene.bench.clock.advance(seconds: IssueMenderTicket.downloadSeconds / 2)
            let second = try await client.next().path
            #expect(second != first.path)
            expectRefusal(try await nobody.get(first.path), 401, rule: "mender: link")
            #expect(try await nobody.get(second).status == 200)
            // A new session does not break a download that is under way.
            let again = try await device.client(door)
            #expect(try await nobody.get(second).status == 200)
            // In another session the link is another one, which is nobody's to work out.
            let other = try await again.next().path
            #expect(other != second)
            expectRefusal(try await nobody.get(second), 401, rule: "mender: link")
            try await device.release(2)
            expectRefusal(try await nobody.get(other), 403, rule: "update: offered only")
            let third = try await again.next().path
            #expect(try await nobody.get(third).status == 200)
            device.scene.bench.clock.advance(seconds: IssueMenderTicket.downloadSeconds)
            expectRefusal(try await nobody.get(third), 401, rule: "mender: link")
        }
    }

    @Test func `come with keys that devices had before, and a dry run says which would`() async throws {
        let device = try await MenderScene(accepted: false)
        let (serial, bench) = (device.scene.unit.serial, device.scene.bench)
        let other = try await bench.makeUnits(1, station: "line-2")[0]
        try await bench.pair(other, with: device.scene.ada)
        let digest = device.key.keyDigest.description
        let publicKey = Base64.encode(device.key.publicKeyDER)
        for bad in [
            "", "short", "!", ".", digest, publicKey, "\(publicKey).", "\(publicKey).AAAA", "\(digest).AAAA",
            "\(publicKey).\(publicKey).AAAA",
            String(repeating: "g", count: 64), String(repeating: "A", count: 5000),
        ] {
            let answer = try await device.adopt([.init(device: serial, key: bad)])
            #expect(answer.adopted == 0 && answer.refused.map(\.device) == [serial], "\(bad.prefix(20))")
        }
        let held = try device.held(device.key)
        for bad in [AdoptDeviceTokens.Held(device: serial), .init(device: serial, token: digest, key: held.key)] {
            #expect(try await device.adopt([bad]).adopted == 0)
        }
        let list = [
            held, try device.held(device.key, by: other.serial), try device.held(device.key, by: "NOBODY"),
        ]
        let tried = try await device.adopt(list, dryRun: true)
        #expect(tried.adopted == 1 && tried.refused.map(\.device) == [other.serial, "NOBODY"])
        #expect(try await device.kept().menderKey == nil)
        #expect(try await device.adopt(list) == tried)
        #expect(try await device.kept().menderKey == device.key.keyDigest)
        // One key is one device's; the same once more is nothing new.
        #expect(try await device.adopt([list[1]]).adopted == 0)
        #expect(try await device.adopt([device.held(device.key)]).adopted == 1)
        #expect(try await device.entries("deviceKeyAccepted") == 1)
        // Nobody else's.
        let ben = try await bench.ownership("Ben")
        let foreign = try await device.house.perform(AdoptDeviceTokens(tokens: [held]), as: ben)
        #expect(foreign.adopted == 0)
        // Another key ends the sessions of the one before.
        try await DeviceBench.run(bench) { door in
            let client = try await device.client(door)
            let new = EphemeralKey()
            #expect(try await device.adopt([device.held(new)]).adopted == 1)
            expectRefusal(try await client.ask(), 401, rule: "mender: session")
            expectRefusal(try await client.authenticate(), 401, rule: "mender: key not accepted")
        }
    }

    @Test func `end with the key that proved them, also for who proved it a moment ago`() async throws {
        let device = try await MenderScene()
        try await device.release()
        try await DeviceBench.run(device.scene.bench) { door in
            let client = try await device.client(door)
            let action = try #require(Int64(try await client.next().id))
            let session = try #require(ShownTicket(client.session))
            let new = EphemeralKey()
            #expect(try await device.adopt([device.held(new)]).adopted == 1)
            // Both were judged before the owner replaced the key, and come to be written afterwards.
            for late in [
                IssueMenderTicket(key: device.key.keyDigest), IssueMenderTicket(action: action, in: session),
            ] {
                await #expect(throws: Refusal.self) {
                    try await device.house.perform(late, as: .device(device.scene.unit.device))
                }
            }
            #expect(try await device.kept().mender == MenderTickets())
            let issued = try await device.house.perform(
                IssueMenderTicket(key: new.keyDigest), as: .device(device.scene.unit.device))
            let renewed = MenderClient(client: try door.client(), key: new, session: issued.ticket)
            #expect(try await renewed.ask().status == 200)
        }
    }

    @Test func `come with a key only where the key itself says so, whatever else is known of it`() async throws {
        let device = try await MenderScene(accepted: false)
        let (bench, key) = (device.scene.bench, device.key)
        let ben = try await bench.ownership("Ben")
        let other = try await bench.makeUnits(1, station: "line-2")[0]
        try await bench.pair(other, with: ben)
        // Ben knows the key, and what it once signed for its own device; and he has keys and devices of his own.
        let publicKey = Base64.encode(key.publicKeyDER)
        let own = try EphemeralKey().signature(over: MenderKey.statement(of: other.serial))
        let signed = try key.held(by: device.scene.unit.serial)
        for stolen in [key.keyDigest.description, publicKey, "\(publicKey).\(Base64.encode(own))", signed] {
            for dryRun in [true, false] {
                let answer = try await device.house.perform(
                    AdoptDeviceTokens(tokens: [.init(device: other.serial, key: stolen)], dryRun: dryRun), as: ben)
                #expect(answer.adopted == 0 && answer.refused.map(\.device) == [other.serial], "\(stolen.prefix(80))")
            }
        }
        // So nothing stands in its owner's way; and the public ledger does not say which key it was.
        try await device.accept()
        let entry = try await device.house.read { rows in
            try rows.first(
                "SELECT entry FROM ledger WHERE device = $1 AND kind = 'deviceKeyAccepted'",
                [Value(device.scene.unit.device)]
            )?.bytes("entry")
        }
        let text = String(decoding: try #require(entry), as: UTF8.self)
        #expect(text.contains("deviceKeyAccepted") && !text.contains(key.keyDigest.description))
    }

    @Test func `are asked for with wrong signatures only so often`() async throws {
        let device = try await MenderScene()
        try await DeviceBench.run(device.scene.bench, settings: { $0.door.wrongTokens = 5 }) { door in
            let stranger = MenderClient(client: try door.client(), key: device.key)
            for _ in 0..<5 {
                expectRefusal(try await stranger.authenticate(signature: "AAAA"), 401, rule: "mender: signature")
            }
            expectRefusal(try await stranger.authenticate(signature: "AAAA"), 429)
            // Whoever has the key passes all the same.
            _ = try await device.client(door)
        }
    }

    @Test func `are asked for by strangers only so often`() async throws {
        let device = try await MenderScene()
        try await DeviceBench.run(device.scene.bench, settings: { $0.door.wrongTokens = 5 }) { door in
            let stranger = MenderClient(client: try door.client(), key: EphemeralKey())
            for _ in 0..<5 {
                let answer = try await stranger.authenticate()
                expectRefusal(answer, 401, rule: "mender: key not accepted")
                #expect(answer.headers.first(name: "WWW-Authenticate") == #"Bearer realm="lifelong""#)
            }
            let limited = try await stranger.authenticate()
            expectRefusal(limited, 429)
            // Whoever is known passes all the same.
            _ = try await device.client(door)
        }
    }
}

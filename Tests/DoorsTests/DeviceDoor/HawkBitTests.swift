import Crypto
import Foundation
import NIOHTTP1
import Passport
import Registry
import Retirement
import Server
import Store
import Testing
import Transfer
import Use
import Wire
import Workbench

@Suite struct `A client of hawkBit's interface` {
    @Test(arguments: [false, true])
    func `is led from the poll to the file, and what it reports becomes the server's observation`(_ byToken: Bool)
        async throws
    {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let client =
                byToken ? try stock.client(door, token: await stock.token()) : try stock.client(door)
            let first = try await client.poll()
            #expect(first.config.polling.sleep == "00:05:00")
            #expect(first.links == ["configData", "deploymentBase"])
            let said = #"{"id":"","time":"x","status":{},"data":{"board":"c","sn":"4711"}}"#
            #expect(try await client.send(.PUT, "/configData", said).status == 200)
            #expect(try await client.poll().links == ["deploymentBase"])
            #expect(try await stock.kept().attributes == ["board": "c", "sn": "4711"])

            let action = try await client.action()
            let answer = try await client.get(try await client.link("deploymentBase"))
            #expect(answer.headers.first(name: "Content-Type") == "application/hal+json")
            let document = try answer.json(HawkBitClient.DeploymentAnswer.self)
            #expect(document.id == action && document.actionHistory == nil)
            let chunk = try #require(document.deployment?.chunks.first)
            #expect(chunk.part == "os" && chunk.version == "1.1" && chunk.name == HouseBench.product.text)
            #expect(document.deployment?.update == "forced" && document.deployment?.maintenanceWindow == nil)
            let file = try #require(chunk.artifacts.first)
            #expect(file.filename == HawkBitScene.file && file.size == HawkBitScene.image.count)
            let hashes = [
                "sha1": Hex.encode(Array(Insecure.SHA1.hash(data: HawkBitScene.image))),
                "md5": Hex.encode(Array(Insecure.MD5.hash(data: HawkBitScene.image))),
                "sha256": "\(HawkBitScene.sha256)",
            ]
            #expect(file.hashes == hashes)
            let download = try #require(file._links["download"]?.href)
            #expect(download.hasPrefix(door.device + client.path))
            #expect(file._links["download-http"]?.href == download)
            let below = String(download.dropFirst(door.device.count + client.path.count))
            #expect(try await client.get(below).body == HawkBitScene.image)
            let part = try await client.get(below, ["Range": "bytes=100000-"])
            #expect(part.status == 206 && part.body == Array(HawkBitScene.image[100_000...]))
            #expect(try await client.get(below + ".MD5SUM").text == "\(hashes["md5"] ?? "")  \(file.filename)\n")
            let list = try await client.get("/softwaremodules/1/artifacts")
            #expect(try list.json([HawkBitClient.DeploymentAnswer.Artifact].self).first?.hashes == hashes)

            for execution in ["proceeding", "scheduled", "resumed", "download", "downloaded", "rejected", "canceled"] {
                #expect(try await client.report(action, execution, "none").status == 200)
                #expect(try await client.poll().links == ["deploymentBase"], "after \(execution)")
            }
            let history = try await client.get("/deploymentBase/\(action)?actionHistory=2")
                .json(HawkBitClient.DeploymentAnswer.self).actionHistory
            #expect(history?.status == "RUNNING" && history?.messages == ["canceled it is", "rejected it is"])

            #expect(try await client.report(action, "closed", "success").status == 200)
            let passport = try await stock.scene.passport()
            #expect(passport.installed?.sequence == 1 && passport.installed?.observed == true)
            #expect(try await client.poll().links == ["installedBase"])
            let installed = try await client.get("/installedBase/\(action)?actionHistory=-1")
            #expect(try installed.json(HawkBitClient.DeploymentAnswer.self).actionHistory?.status == "FINISHED")
            // Said again, because the answer was lost: it is over.
            expectRefusal(try await client.report(action, "closed", "success"), 410, rule: "action: over")
            #expect(try await client.get("/deploymentBase/\(action)").status == 404)
            #expect(try await client.get(below).status == 403)
            #expect(try await stock.entries("updateObserved") == 1)
        }
    }

    @Test func `that failed is recorded so, and may be offered the same again`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            let action = try await client.action()
            #expect(try await client.report(action, "closed", "failure").status == 200)
            let passport = try await stock.scene.passport()
            #expect(passport.installed == nil && passport.offeredUpdate == nil)
            #expect(try await client.poll().links == ["configData"])
            try await stock.offer(1)
            let next = try await client.action()
            #expect(next != action)
            expectRefusal(try await client.report(action, "proceeding", "none"), 410, rule: "action: over")
            #expect(try await client.report(next, "closed", "none").status == 200)
            #expect(try await stock.scene.passport().installed?.sequence == 1)
        }
    }

    @Test func `polls for nothing while nothing has changed`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            let tag = try #require(try await client.get().headers.first(name: "ETag"))
            let again = try await client.get("", ["If-None-Match": tag])
            #expect(again.status == 304 && again.body.isEmpty)
            _ = try await client.report(try await client.action(), "closed", "failure")
            #expect(try await client.get("", ["If-None-Match": tag]).status == 200)
            await stock.house.contacts.flush()
            let seen = try await stock.house.read { rows in
                try rows.first("SELECT agent FROM contact WHERE device = $1", [Value(stock.scene.unit.device)])
            }
            #expect(seen?.optionalText("agent")?.hasPrefix("hawkBit DDI") == true)
            _ = try await client.send(.PUT, "/configData", #"{"data":{"board":"c"}}"#)
            let shown = try await stock.scene.bench.reading.device(stock.scene.unit.serial, as: stock.scene.ada)
            #expect(shown.contact?.posture == ["board": "c"])
            let plain = try await client.get("", ["Accept": "application/json"])
            #expect(plain.headers.first(name: "Content-Type") == "application/json")
        }
    }

    @Test func `that has begun is asked to stop, gets no more bytes, and says whether it does`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            let action = try await client.action()
            let file = "/softwaremodules/1/artifacts/\(HawkBitScene.file)"
            // Nobody asked for it.
            #expect(try await client.get("/cancelAction/\(action)").status == 404)
            #expect(try await client.report(action, "closed", "success", in: "cancelAction").status == 405)
            _ = try await client.report(action, "proceeding", "none")
            let withdraw = WithdrawUpdate(device: stock.scene.unit.serial)
            for _ in 0..<2 {
                #expect(try await stock.house.perform(withdraw, as: .system).withdrawn == false)
            }
            #expect(try await client.poll().links == ["configData", "cancelAction"])
            #expect(
                try await client.get("/cancelAction/\(action)").text
                    == #"{"cancelAction":{"stopId":"\#(action)"},"id":"\#(action)"}"#)
            expectRefusal(try await client.get(file), 403, rule: "action: not running")
            #expect(try await client.report(action, "proceeding", "none", in: "cancelAction").status == 200)
            #expect(try await client.report(action, "rejected", "none", in: "cancelAction").status == 200)
            #expect(try await client.poll().links == ["configData", "deploymentBase"])
            #expect(try await client.get(file).status == 200)

            _ = try await stock.house.perform(withdraw, as: .system)
            #expect(try await client.report(action, "closed", "success", in: "cancelAction").status == 200)
            #expect(try await client.poll().links == ["configData"])
            #expect(try await stock.scene.passport().offeredUpdate == nil)
            #expect(try await stock.entries("updateWithdrawn") == 1)
            #expect(try await client.report(action, "closed", "success", in: "cancelAction").status == 410)
            #expect(try await client.report(action, "closed", "success").status == 410)
            #expect(try await stock.scene.passport().installed == nil)
        }
    }

    @Test func `that installs what it was asked to stop has installed it`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            let action = try await client.action()
            _ = try await client.report(action, "proceeding", "none")
            _ = try await stock.house.perform(WithdrawUpdate(device: stock.scene.unit.serial), as: .system)
            #expect(try await client.report(action, "closed", "success").status == 200)
            #expect(try await stock.scene.passport().installed?.sequence == 1)
            #expect(try await client.poll().links == ["configData", "installedBase"])
        }
    }

    @Test func `loses at once what it has not begun with, and what is taken back by force`() async throws {
        let stock = try await HawkBitScene()
        let withdraw = WithdrawUpdate(device: stock.scene.unit.serial)
        #expect(try await stock.house.perform(withdraw, as: .system).withdrawn)
        await #expect { try await stock.house.perform(withdraw, as: .system) } throws: {
            ($0 as? Refusal)?.rule == "passport: update"
        }
        try await stock.offer(1)
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            _ = try await client.report(try await client.action(), "proceeding", "none")
            let forced = WithdrawUpdate(device: stock.scene.unit.serial, force: true)
            #expect(try await stock.house.perform(forced, as: .system).withdrawn)
            #expect(try await client.poll().links == ["configData"])
            // What it installed all the same is known as soon as it says what it runs.
            let said = #"{"name":"\#(HouseBench.product)","version":"1.1"}"#
            for _ in 0..<2 { #expect(try await client.send(.PUT, "/installedBase", said).status == 200) }
            let passport = try await stock.scene.passport()
            #expect(passport.installed?.sequence == 1 && passport.installed?.observed == true)
            #expect(passport.earlierOffer == nil)
        }
    }

    @Test func `waits for somebody at the device where the house wants it so`() async throws {
        let stock = try await HawkBitScene(settings: { $0.confirmUpdates = true })
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            #expect(try await client.poll().links == ["configData", "confirmationBase"])
            let action = try await client.action("confirmationBase")
            #expect(try await client.get("/deploymentBase/\(action)").status == 404)
            let file = "/softwaremodules/1/artifacts/\(HawkBitScene.file)"
            expectRefusal(try await client.get(file), 403, rule: "action: not running")
            expectRefusal(try await client.report(action, "closed", "success"), 403, rule: "action: confirmation")
            let asked = try await client.get("/confirmationBase/\(action)?actionHistory=1")
                .json(HawkBitClient.DeploymentAnswer.self)
            #expect(asked.confirmation?.chunks.count == 1 && asked.actionHistory?.status == "WAIT_FOR_CONFIRMATION")
            let answer = "/confirmationBase/\(action)/feedback"
            let denied = #"{"confirmation":"denied","code":-10,"details":["not now"]}"#
            #expect(try await client.send(.POST, answer, denied).status == 200)
            #expect(try await client.poll().links == ["configData", "confirmationBase"])
            #expect(try await client.send(.POST, answer, #"{"confirmation":"confirmed"}"#).status == 200)
            #expect(try await client.poll().links == ["configData", "deploymentBase"])
            #expect(try await client.send(.POST, answer, denied).status == 410)
            _ = try await client.report(action, "closed", "failure")

            let auto = #"{"initiator":"panel","remark":"always"}"#
            #expect(try await client.send(.POST, "/confirmationBase/activateAutoConfirm", auto).status == 200)
            #expect(try await client.get("/confirmationBase").text.contains(#""active":true,"initiator":"panel""#))
            try await stock.offer(1)
            #expect(try await client.poll().links == ["configData", "deploymentBase"])
            #expect(try await client.send(.POST, "/confirmationBase/deactivateAutoConfirm", "").status == 200)
            #expect(try await client.poll().links == ["configData", "confirmationBase"])
        }
    }

    @Test func `that says what it runs is believed as far as it was offered`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            let other = #"{"name":"thermostat-2","version":"9"}"#
            #expect(try await client.send(.PUT, "/installedBase", other).status == 404)
            let offered = #"{"name":"thermostat-2","version":"1.1"}"#
            for _ in 0..<2 { #expect(try await client.send(.PUT, "/installedBase", offered).status == 200) }
            #expect(try await stock.scene.passport().installed?.observed == true)
            #expect(try await stock.entries("updateObserved") == 1)
        }
    }
}

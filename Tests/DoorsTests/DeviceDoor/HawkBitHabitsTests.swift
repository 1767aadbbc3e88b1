import Crypto
import Foundation
import NIOHTTP1
import Passport
import Registry
import Rollout
import Store
import Testing
import Use
import Wire
import Workbench

/// What clients do to the letter that cannot run here: rauc-hawkbit-updater 1.4 and Zephyr's hawkBit client, after their sources.
@Suite struct `The habits of a client` {
    /// One that names its types as rauc-hawkbit-updater does, with a token.
    private struct Updater: Sendable {
        let client: HawkBitClient
        static let type = "application/json;charset=UTF-8"

        init(_ stock: HawkBitScene, _ door: DeviceBench) async throws {
            var client = try stock.client(door, token: await stock.token())
            client.headers.add(name: "Accept", value: Self.type)
            client.headers.add(name: "User-Agent", value: "rauc-hawkbit-c-agent/1.0")
            self.client = client
        }

        /// It takes nothing but 200 for done.
        func feedback(
            _ action: String, _ detail: String, _ finished: String, _ execution: String,
            in place: String = "deploymentBase"
        ) async throws -> Int {
            let body = """
                {"id":"\(action)","time":"20261122T023000","status":{"result":{"finished":"\(finished)"},\
                "execution":"\(execution)","details":["\(detail)"]}}
                """
            return try await client.send(.POST, "/\(place)/\(action)/feedback", body, type: Self.type).status
        }

        func deployment() async throws -> (id: String, file: String, size: Int) {
            let answer = try await client.get(try await client.link("deploymentBase"))
            #expect(answer.headers.first(name: "Content-Type") == "application/json")
            let said = try answer.json(HawkBitClient.DeploymentAnswer.self)
            let chunks = try #require(said.deployment?.chunks)
            // It gives up with more than one of either, and compares nothing but SHA-1.
            #expect(chunks.count == 1 && chunks[0].artifacts.count == 1)
            #expect(said.deployment?.download == "forced" && said.deployment?.update == "forced")
            let file = chunks[0].artifacts[0]
            #expect(file.hashes["sha1"] == Hex.encode(Array(Insecure.SHA1.hash(data: HawkBitScene.image))))
            let href = try #require(file._links["download"]?.href)
            return (said.id, String(href[try #require(href.range(of: client.path)).upperBound...]), file.size)
        }

        func download(_ file: String, from start: Int) async throws -> BenchClient.Answer {
            try await client.get(file, ["Accept": "application/octet-stream", "Range": "bytes=\(start)-"])
        }
    }

    @Test func `of RAUC resume a download, report its success and go on after a restart`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let updater = try await Updater(stock, door)
            let attributes = """
                {"time":"20261122T023000","status":{"result":{"finished":"success"},"execution":"closed"},\
                "data":{"product":"Terminator","model":"T-1000"}}
                """
            #expect(try await updater.client.send(.PUT, "/configData", attributes, type: Updater.type).status == 200)
            let (id, file, size) = try await updater.deployment()
            let rest = try await updater.download(file, from: 70_000)
            #expect(rest.status == 206 && rest.body == Array(HawkBitScene.image[70_000...]))
            // What is whole already is asked for behind its end: it takes 416 for done.
            let none = try await updater.download(file, from: size)
            #expect(none.status == 416 && none.headers.first(name: "Content-Range") == "bytes */\(size)")
            for detail in ["Download complete. 2.10 MB/s", "File checksum OK.", "0% Installing"] {
                #expect(try await updater.feedback(id, detail, "none", "proceeding") == 200)
            }
            // It is started anew before it could say how it went, and finds the same under the same number.
            let again = try await Updater(stock, door)
            #expect(try await again.deployment().id == id)
            let done = "Software bundle installed successfully."
            #expect(try await again.feedback(id, done, "success", "closed") == 200)
            #expect(try await stock.scene.passport().installed?.sequence == 1)
            #expect(try await again.client.poll().links == ["installedBase"])
        }
    }

    @Test func `of RAUC agree to stop what is downloaded, and refuse once it is installed`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let updater = try await Updater(stock, door)
            let withdraw = WithdrawUpdate(device: stock.scene.unit.serial)
            // It says nothing until all is downloaded.
            let (first, _, _) = try await updater.deployment()
            #expect(try await stock.house.perform(withdraw, as: .system).withdrawn == false)
            let stop = try await updater.client.get(try await updater.client.link("cancelAction"))
            #expect(stop.text.contains(#""stopId":"\#(first)""#))
            #expect(
                try await updater.feedback(first, "Action canceled.", "success", "closed", in: "cancelAction") == 200)
            #expect(try await updater.client.poll().links == ["configData"])

            try await stock.offer(1)
            let (second, _, _) = try await updater.deployment()
            #expect(try await updater.feedback(second, "1% Installing", "none", "proceeding") == 200)
            _ = try await stock.house.perform(withdraw, as: .system)
            // Its progress comes from another thread, meanwhile.
            #expect(try await updater.feedback(second, "40% Installing", "none", "proceeding") == 200)
            let refusal = "Cancelation impossible, installation started already."
            #expect(try await updater.feedback(second, refusal, "success", "rejected", in: "cancelAction") == 200)
            #expect(
                try await updater.feedback(second, "Software bundle installed successfully.", "success", "closed")
                    == 200)
            #expect(try await stock.scene.passport().installed?.sequence == 1)
            #expect(try await stock.kept().progress?.messages.contains(refusal) == true)
        }
    }

    @Test func `of RAUC report what failed, and say of what was never begun that it is stopped`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let updater = try await Updater(stock, door)
            let (id, _, _) = try await updater.deployment()
            #expect(
                try await updater.feedback(id, "Failed to install software bundle.", "failure", "closed") == 200)
            #expect(try await stock.scene.passport().offeredUpdate == nil)
            #expect(try await stock.kept().progress?.messages.last == "Failed to install software bundle.")
            // Its queue may have more of it: that is over, and says so.
            #expect(try await updater.feedback(id, "100% Installing", "none", "proceeding") == 410)
        }
    }

    @Test func `of Zephyr find one application by links that fit its buffers`() async throws {
        let stock = try await HawkBitScene(offered: false)
        // No image of SWUpdate's or RAUC's.
        let image = Array("MCUboot".utf8) + [UInt8](repeating: 0x3d, count: 5000)
        let sha256 = Wire.Digest(SHA256.hash(data: image))
        try Data(image).write(to: URL(filePath: stock.house.settings.artifactFolder + "/\(sha256)"))
        _ = try await stock.house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: 2, version: "1.2", hardware: [HouseBench.hardware],
                sha256: sha256,
                size: image.count), as: .system)
        try await stock.offer(2)
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door, token: await stock.token())
            let poll = try await client.poll()
            #expect(poll.config.polling.sleep.utf8.count == 8)
            let data = """
                {"mode":"merge","data":{"VIN":"0011","hwRevision":"3"},"id":"","time":"","status":{"execution":"closed",\
                "result":{"finished":"success"}}}
                """
            #expect(try await client.send(.PUT, "/configData", data, type: Updater.type).status == 200)
            let base = try #require(poll._links["deploymentBase"]?.href)
            let short = base[try #require(base.range(of: "deploymentBase/")).lowerBound...]
            #expect(short.utf8.count < 50)
            let answer = try await client.get("/" + short)
            #expect(answer.headers.first(name: "Content-Length") == "\(answer.body.count)" && answer.body.count < 2200)
            let said = try answer.json(HawkBitClient.DeploymentAnswer.self)
            let chunk = try #require(said.deployment?.chunks.first)
            #expect(chunk.part == "bApp" && chunk.artifacts.count == 1 && Int32(said.id) != nil)
            #expect(chunk.artifacts[0].hashes["sha256"] == "\(sha256)")
            let link = try #require(chunk.artifacts[0]._links["download-http"]?.href)
            let path = link[try #require(link.range(of: "/DEFAULT/controller/v1")).lowerBound...]
            #expect(path.utf8.count < 200)
            #expect(try await client.client.get(String(path), headers: client.headers).body == image)
            // After its restart it finds the number that it wrote down, and reports that.
            let done = #"{"id":"\#(said.id)","status":{"execution":"closed","result":{"finished":"success"}}}"#
            let feedback = "/deploymentBase/\(said.id)/feedback"
            #expect(try await client.send(.POST, feedback, done, type: Updater.type).status == 200)
            #expect(try await stock.scene.passport().installed?.sequence == 2)
        }
    }

    @Test func `of Zephyr agree to a stop without reading it`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            let action = try await client.action()
            _ = try await client.report(action, "proceeding", "none")
            _ = try await stock.house.perform(WithdrawUpdate(device: stock.scene.unit.serial), as: .system)
            let link = try await client.link("cancelAction")
            let done = #"{"id":"\#(action)","time":"","status":{"execution":"closed","result":{"finished":"success"}}}"#
            #expect(try await client.send(.POST, link + "/feedback", done, type: Updater.type).status == 200)
            #expect(try await stock.scene.passport().offeredUpdate == nil)
        }
    }
}

@Suite struct `A client outside of its maintenance window` {
    /// A rollout whose window is the hour around now, UTC; run as far as it goes.
    private func roll(_ stock: HawkBitScene) async throws {
        let (bench, house) = (stock.scene.bench, stock.house)
        let minute = Int(bench.clock.now.seconds % 86_400 / 60)
        let plan = RolloutPlan(
            product: HouseBench.product, sequence: 1, stages: [.init(share: 10_000)], soakSeconds: 60,
            deadlineSeconds: 86_400, aliveSeconds: 86_400, failureLine: 2000, minimumSample: 1,
            window: MaintenanceWindow(from: (minute + 1410) % 1440, to: (minute + 30) % 1440))
        let (mary, bob) = (try await bench.person("Mary", .makerAdmin), try await bench.person("Bob", .makerAdmin))
        let rollout = try await house.perform(PlanRollout(plan: plan), as: mary).rollout
        _ = try await house.perform(ApproveRollout(rollout: rollout), as: bob)
        _ = try await house.perform(StartRollout(rollout: rollout), as: mary)
        await house.contacts.flush()
        let keeper = RolloutKeeper(house)
        for _ in 0..<40 { if try await !keeper.round() { return } }
        Issue.record("the keeper finds no end")
    }

    @Test func `is not told of what it has not begun, by the clock of where it is`() async throws {
        let stock = try await HawkBitScene(offered: false)
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            #expect(try await client.poll().links == ["configData"])
            try await roll(stock)
            #expect(try await client.poll().links == ["configData", "deploymentBase"])
            let link = try await client.link("deploymentBase")
            stock.scene.bench.clock.advance(seconds: 7200)
            #expect(try await client.poll().links == ["configData"])
            func say(_ zone: String) async throws -> Set<String> {
                let said = try await client.send(.PUT, "/configData", #"{"data":{"timeZone":"\#(zone)"}}"#)
                #expect(said.status == 200)
                return try await client.poll().links
            }
            #expect(try await say("-02:00") == ["deploymentBase"])
            #expect(try await say("UTC") == [])
            #expect(try await say("nowhere") == [])
            // Whoever followed the link that it got in time goes on.
            #expect(try await client.get(link).status == 200)
            #expect(try await client.poll().links == ["deploymentBase"])
            #expect(try await client.get("/softwaremodules/1/artifacts/\(HawkBitScene.file)").status == 200)
        }
    }

    @Test func `goes on with what it has begun, and says after its restart how it went`() async throws {
        let stock = try await HawkBitScene(offered: false)
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            _ = try await client.poll()
            try await roll(stock)
            let action = try await client.action()
            stock.scene.bench.clock.advance(seconds: 7200)
            #expect(try await client.poll().links == ["configData"])
            // Its first word comes late.
            #expect(try await client.report(action, "proceeding", "none").status == 200)
            #expect(try await client.action() == action)
            #expect(try await client.report(action, "closed", "success").status == 200)
            #expect(try await stock.scene.passport().installed?.sequence == 1)
        }
    }

    @Test func `is offered what a person offers it all the same`() async throws {
        let stock = try await HawkBitScene(offered: false)
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            _ = try await client.poll()
            try await roll(stock)
            stock.scene.bench.clock.advance(seconds: 7200)
            _ = try await stock.house.perform(WithdrawUpdate(device: stock.scene.unit.serial), as: .system)
            // The rollout hears that it is no more its affair.
            let keeper = RolloutKeeper(stock.house)
            for _ in 0..<40 { if try await !keeper.round() { break } }
            try await stock.offer(1)
            #expect(try await client.poll().links == ["configData", "deploymentBase"])
        }
    }
}

import NIOHTTP1
import Server
import TUF
import Testing
import Wire
import Workbench

@Suite struct `Update metadata at the public plane` {
    @Test func `is given by its names, to be kept for ever where it never changes`() async throws {
        let updates = try await UpdateBench(try await HouseBench())
        try await updates.release(1)
        let files = try await updates.files()
        try await DeviceBench.run(updates.bench) { door in
            #expect(
                Set(files.keys) == [
                    "1.root.json", "1.targets.json", "1.product~thermostat-2.json", "1.product~thermostat-2~os.json",
                    "1.snapshot.json", "2.snapshot.json", "timestamp.json",
                ])
            for (name, bytes) in files {
                let answer = try await door.anybody.get("/tuf/metadata/\(name)")
                #expect(answer.status == 200 && answer.body == bytes, "\(name)")
                #expect(answer.headers.first(name: "Content-Type") == "application/json")
                let life = name == "timestamp.json" ? "public, max-age=60" : "public, max-age=31536000, immutable"
                #expect(answer.headers.first(name: "Cache-Control") == life, "\(name)")
                let tag = try #require(answer.headers.first(name: "ETag"))
                let held = try await door.anybody.get("/tuf/metadata/\(name)", headers: ["If-None-Match": tag])
                #expect(held.status == 304 && held.body.isEmpty && held.headers.first(name: "ETag") == tag)
                let other = try await door.anybody.get("/tuf/metadata/\(name)", headers: ["If-None-Match": "\"x\""])
                #expect(other.status == 200)
                let head = try await door.anybody.send(.HEAD, "/tuf/metadata/\(name)")
                #expect(head.headers.first(name: "Content-Length") == "\(bytes.count)" && head.body.isEmpty)
            }
            // The same name as clients encode it.
            #expect(try await door.anybody.get("/tuf/metadata/1.product%7Ethermostat-2.json").status == 200)
        }
    }

    @Test func `has one spelling of each name, and nothing besides`() async throws {
        let updates = try await UpdateBench(try await HouseBench())
        let names = [
            "2.root.json", "01.root.json", "0.root.json", "-1.root.json", "root.json", "1.timestamp.json", "1..json",
            ".json", "1.json", "1.nobody.json", "1.root.jsonx", "%ff.json", "..%2F..%2Fvkey", "1.root%00.json",
            "999999999999999999999.root.json", "1.targets.json%20", String(repeating: "1", count: 700) + ".root.json",
        ]
        let paths = ["/tuf", "/tuf/metadata", "/tuf/metadata/a/b", "/tuf/targets/thermostat-2/os/1"]
        try await DeviceBench.run(updates.bench) { door in
            for path in paths + names.map({ "/tuf/metadata/" + $0 }) {
                let answer = try await door.anybody.get(path)
                #expect(answer.status == 404 && answer.refusal != nil, "\(path): \(answer.text)")
            }
        }
    }
}

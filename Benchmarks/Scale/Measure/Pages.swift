import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Passport
import Registry
import Server
import Store
import Wire

/// Every console page, every reading of the REST API and what the public plane serves, by the server's own clock
/// (`Server-Timing`).
struct Pages {
    let house: House
    let ports: Server.Ports
    let runs: Int

    private struct Asked {
        var name: String
        var path: String
        var token: String?
        var isPublic = false
    }

    /// Names out of the fleet, to ask for.
    private struct Names {
        var product = ""
        var batch = ""
        var owner = ""
        var late = ""
        var serial = ""
        var device = ""
        var long = ""
        var lateSerial = ""
        var ledger = 0
    }

    func measure(_ figures: inout Figures) async throws {
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        do {
            let asked = try await asked()
            var worst = (console: 0.0, rest: 0.0, open: 0.0)
            for page in asked {
                let (durations, cpu, bytes) = try await time(page, client)
                figures.add(page.name, durations.middle * 1000, "ms")
                figures.add(page.name + ", processor", cpu * 1000, "ms")
                if bytes > 1 << 20 { figures.add(page.name + ", size", Double(bytes), "bytes") }
                if page.isPublic { worst.open = max(worst.open, durations.middle) }
                if page.name.hasPrefix("console") { worst.console = max(worst.console, durations.middle) }
                if page.name.hasPrefix("rest") { worst.rest = max(worst.rest, durations.middle) }
            }
            figures.add("slowest console page", worst.console * 1000, "ms")
            figures.add("slowest REST reading", worst.rest * 1000, "ms")
            figures.add("slowest public answer", worst.open * 1000, "ms")
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    /// Some pages and readings alone.
    /// - Returns: the slowest of the console's, in milliseconds.
    func measure(console: [String], rest: [String], _ figures: inout Figures) async throws -> Double {
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        var slowest = 0.0
        do {
            let admin = try await token("scale admin", .makerAdmin, owner: nil)
            for path in console + rest.map({ "/api/v1/\($0)" }) {
                let isPage = console.contains(path)
                let name = "after a rollout, \(isPage ? "console" : "rest") " + Self.plain(path)
                let (durations, cpu, _) = try await time(Asked(name: name, path: path, token: admin), client)
                figures.add(name, durations.middle * 1000, "ms")
                figures.add(name + ", processor", cpu * 1000, "ms")
                if isPage { slowest = max(slowest, durations.middle * 1000) }
            }
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
        return slowest
    }

    /// The same name for every run: without names out of the house.
    private static func plain(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).map { part in
            part.count >= 20 && part.prefix(8).allSatisfy(\.isHexDigit) ? "NAME" : String(part)
        }.joined(separator: "/")
    }

    private func time(_ page: Asked, _ client: HTTPClient) async throws -> (Durations, Double, Int) {
        var durations = Durations()
        var bytes = 0
        let before = Bar.processor.seconds
        for _ in 0..<runs {
            let port = page.isPublic ? ports.open : ports.people
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(page.path)")
            if let token = page.token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
            let began = ContinuousClock.now
            let response = try await client.execute(request, timeout: .seconds(120))
            let body = try await response.body.collect(upTo: 256 << 20)
            let wall = Bar.seconds(since: began)
            guard response.status == .ok else {
                throw Refusal(
                    .internal, "\(page.path) answered \(response.status.code): \(String(buffer: body).prefix(300))",
                    hint: "Look at what was asked.")
            }
            bytes = body.readableBytes
            durations.add(Self.serverTime(response.headers) ?? wall)
        }
        return (durations, (Bar.processor.seconds - before) / Double(runs), bytes)
    }

    /// "total;dur=1.234": milliseconds.
    private static func serverTime(_ headers: HTTPHeaders) -> Double? {
        headers.first(name: "Server-Timing")?.split(separator: "=").last.flatMap { Double($0) }.map { $0 / 1000 }
    }

    private func asked() async throws -> [Asked] {
        let names = try await names()
        let admin = try await token("scale admin", .makerAdmin, owner: nil)
        let owner = try await token("scale owner", .owner, owner: OwnerID(names.owner))
        return console(names).map { Asked(name: "console \($0)", path: $0, token: admin) }
            + console(names, isOwner: true).map { Asked(name: "console as an owner \($0)", path: $0, token: owner) }
            + rest(names).map { Asked(name: "rest \($0)", path: "/api/v1/\($0)", token: admin) }
            + ["devices", "fleet", "alarms", "devices?product=\(names.product)"].map {
                Asked(name: "rest as an owner \($0)", path: "/api/v1/\($0)", token: owner)
            }
            + [
                "/crl/operational-issuing-1.crl", "/ledger/checkpoint", "/ledger/tile/0/000",
                "/ledger/tile/entries/000",
                "/ca/operational-root.cer",
            ].map { Asked(name: "public \($0)", path: $0, isPublic: true) }
    }

    private func console(_ n: Names, isOwner: Bool = false) -> [String] {
        let everybody =
            [
                "/", "/devices", "/devices?after=\(n.late)", "/devices?q=\(n.serial)",
                "/devices?q=\(n.serial.prefix(5))",
                "/devices?q=\(n.serial.prefix(5))&stage=retired", "/devices?alarms=open",
                "/devices?alarms=open&stage=retired", "/devices?product=\(n.product)",
                "/devices?product=\(n.product)&stage=quarantined", "/devices?batch=\(n.batch)",
                "/devices?batch=\(n.batch)&stage=inUse", "/devices?product=\(n.product)&after=\(n.late)", "/alarms",
                "/alarms?open=true",
            ] + StageTable.order.map { "/devices?stage=\($0.rawValue)" }
        if isOwner { return everybody + ["/claim"] }
        return everybody + [
            "/devices/\(n.serial)", "/devices/\(n.device)", "/devices/\(n.long)",
            "/devices/\(n.long)?before=\(n.ledger / 2)", "/devices/\(n.serial)/quarantine", "/batches", "/authorities",
            "/ledger", "/ledger?before=\(n.ledger / 2)", "/ledger/\(n.ledger / 3)", "/people", "/releases", "/updates",
            "/devices?stage=inUse&after=\(n.late)", "/devices?q=\(n.lateSerial)",
        ]
    }

    private func rest(_ n: Names) -> [String] {
        [
            "fleet", "alarms?limit=200", "alarms?open=true&limit=200", "alarms?open=false&limit=200",
            "devices?limit=200",
            "devices?limit=200&after=\(n.late)", "devices?owner=\(n.owner)&limit=200",
            "devices?owner=\(n.owner)&product=\(n.product)&stage=quarantined",
            "devices?owner=\(n.owner)&batch=\(n.batch)",
            "devices?alarm=any&limit=200", "devices?alarm=artifactRefused", "devices?alarm=keySeenTwice",
            "devices?batch=\(n.batch)&product=\(n.product)", "devices?q=\(n.serial)", "devices/\(n.serial)",
            "devices/\(n.device)/passport", "devices/\(n.long)/passport", "devices/\(n.device)/evidence", "ledger",
            "ledger/entries?limit=200", "ledger/entries?after=\(n.ledger / 2)&limit=200",
            "ledger/entries?before=\(n.ledger)&limit=200", "ledger/entries/\(n.ledger / 2)",
            "ledger/proof/\(n.ledger / 2)",
            "products", "batches", "releases", "people", "owners", "authorities", "whoami",
        ]
    }

    private func names() async throws -> Names {
        try await house.read { rows in
            func text(_ sql: String, _ column: String) throws -> String {
                try rows.first(sql)?.optionalText(column) ?? ""
            }
            var names = Names()
            let last = try rows.query("SELECT id, serial FROM device ORDER BY id DESC LIMIT 500")
            names.late = last.last?.optionalText("id") ?? ""
            names.lateSerial = last.first?.optionalText("serial") ?? ""
            let used = try rows.query(
                "SELECT id, serial, product, batch FROM device WHERE stage = 'inUse' ORDER BY id LIMIT 1 OFFSET 40")
            names.serial = used.first?.optionalText("serial") ?? ""
            names.device = used.first?.optionalText("id") ?? ""
            names.product = used.first?.optionalText("product") ?? ""
            names.batch = used.first?.optionalText("batch") ?? ""
            names.owner = try text("SELECT owner FROM stage_count WHERE owner <> '' ORDER BY n DESC LIMIT 1", "owner")
            names.long = try text("SELECT serial FROM device ORDER BY version DESC LIMIT 1", "serial")
            names.ledger = try rows.count("SELECT MAX(size) AS n FROM checkpoint")
            return names
        }
    }

    private func token(_ name: String, _ role: Role, owner: OwnerID?) async throws -> String {
        let known = try await house.read {
            try $0.first("SELECT id FROM person WHERE name = $1", [.text(name)]) != nil
        }
        if !known { _ = try await house.perform(AddPerson(person: name, role: role, owner: owner), as: .system) }
        return try await house.perform(
            IssueToken(person: name, label: "scale \(house.clock().milliseconds)"), as: .system
        ).token
    }
}

import Agent
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Passport
import Registry
import Server
import Testing
import Wire
import Workbench

@Suite struct `Every route of the public plane` {
    @Test(.timeLimit(.minutes(1))) func `answers everybody alike, and nothing but what is public`() async throws {
        let fleet = try await CrossingFleet()
        let crossing = Crossing()
        let credentials = try await PeopleCredential.all(fleet)
        let tries: [(String, String, Int)] = [
            ("GET /crl/*", "/crl/operational-issuing-1.crl", 200), ("GET /ca/*", "/ca/maker-root.cer", 200),
            ("POST /ocsp/*", "/ocsp/operational-issuing-1", 200),
            ("GET /ocsp/*/**", "/ocsp/operational-issuing-1/AAAA", 200),
            ("GET /ledger/checkpoint", "/ledger/checkpoint", 200), ("GET /ledger/vkey", "/ledger/vkey", 200),
            // A house without witnesses has no witnessed checkpoint, for anybody.
            ("GET /ledger/witnessed/checkpoint", "/ledger/witnessed/checkpoint", 404),
            ("GET /ledger/witnessed/tile/**", "/ledger/witnessed/tile/0/000.p/1", 200),
            ("GET /ledger/tile/**", "/ledger/tile/0/000.p/1", 200), ("GET /healthz", "/healthz", 200),
            // A house that publishes no update metadata has none, for anybody.
            ("GET /tuf/metadata/*", "/tuf/metadata/1.root.json", 404),
        ]
        try await DeviceBench.run(fleet.bench) { door in
            for credential in credentials {
                for (route, path, status) in tries {
                    let isPost = route.hasPrefix("POST")
                    let answer = try await door.anybody.send(
                        isPost ? .POST : .GET, path, isPost ? [0x30, 0] : nil, headers: credential.headers)
                    await crossing.compare(
                        route, credential.name, Expected(status), status: answer.status, refusal: answer.refusal,
                        body: answer.text)
                }
                // What belongs to the other planes is not here, whoever asks.
                for path in ["/api/v1/fleet", DeviceAPI.status, "/", "/sign-in/ll_link_x", "/.well-known/est/cacerts"] {
                    #expect(try await door.anybody.get(path, headers: credential.headers).status == 404, "\(path)")
                }
            }
        }
        let door = try await PublicDoor(house: fleet.bench.house, key: fleet.bench.publisher.verifierKey)
        await crossing.conclude("public plane", all: Set(door.routes().names))
    }

    @Test func `and the right certificate at the wrong plane is no credential`() async throws {
        let fleet = try await CrossingFleet()
        let live = try #require(try fleet.at(.enrolled).live)
        let birth = try fleet.at(.enrolled).unit
        // Not a loopback name that needs no TLS: the people's plane speaks HTTPS there.
        try await DeviceBench.run(fleet.bench, settings: { $0.people.host = "127.0.0.2" }) { door in
            for identity in [live.identity, ClientIdentity(chain: [birth.certificate], key: birth.key)] {
                var tls = try identity.tlsConfiguration(anchors: door.anchors)
                tls.certificateVerification = .noHostnameVerification
                var configuration = HTTPClient.Configuration()
                configuration.tlsConfiguration = tls
                let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
                func ask(_ path: String) async throws -> UInt {
                    let request = HTTPClientRequest(url: "https://127.0.0.2:\(door.ports.people)\(path)")
                    return try await client.execute(request, timeout: .seconds(20)).status.code
                }
                do {
                    #expect(try await ask("/api/v1/fleet") == 401)
                    #expect(try await ask("/api/v1/whoami") == 401)
                    // The device's own routes are not here.
                    #expect(try await ask(DeviceAPI.status) == 404)
                    #expect(try await ask("/healthz") == 200)
                } catch {
                    Issue.record("\(error)")
                }
                try await client.shutdown()
            }
        }
    }
}

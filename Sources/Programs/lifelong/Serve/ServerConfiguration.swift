import Foundation
import KeysFile
import Ledger
import Registry
import Server
import Trust
import Wire
import Yams

/// `lifelong.yaml`. Every setting has a default, stands in the file that the first start writes, and is explained there.
struct ServerConfiguration: Codable, Equatable {
    struct Listen: Codable, Equatable {
        var device = "0.0.0.0:8443"
        var people = "127.0.0.1:8444"
        var `public` = "0.0.0.0:8080"
    }

    struct EST: Codable, Equatable {
        /// Label → "lines" or "oneLine".
        var labels: [String: String] = ["strongswan": "oneLine"]
    }

    struct Witness: Codable, Equatable {
        /// The submission prefix: what stands before /add-checkpoint.
        var url: String
        var vkey: String
    }

    /// Who is asked before a stage of a rollout opens.
    struct Check: Codable, Equatable {
        /// Empty: nobody.
        var url = ""
        /// With the key of the HMAC over each question; relative to the home.
        var keyFile = ""
    }

    var organisation = "Example Maker"
    /// "sqlite", or a PostgreSQL connection string without a password.
    var database = "sqlite"
    /// Folder of artifacts; empty: in the home.
    var artifacts = ""
    var listen = Listen()
    var serviceURL = "https://127.0.0.1:8443"
    var publicURL = "http://127.0.0.1:8080"
    /// How people reach the console behind a proxy; empty: by the address in `listen`.
    var peopleURL = ""
    var serviceNames = ["127.0.0.1"]
    var operationalDays = 90
    var operationalSeconds = 0
    var checkInSeconds = 300
    var confirmUpdates = false
    var ledgerOrigin = "lifelong.example/ledger"
    var witnesses: [Witness] = []
    var witnessQuorum = 0
    var outsideCheck = Check()
    var maximumConnections = 10_000
    var idleSeconds = 60
    var maximumHandshakes = 1024
    var maximumRequests = 1000
    var requestsPerDeviceSecond = 10
    var est = EST()
    var keys = KeysConfiguration()

    static func read(_ path: String) throws -> ServerConfiguration {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20 else {
            throw Refusal(
                .unavailable, "The configuration \(path) cannot be read.",
                hint: "Check its mode, or remove it and start again to get a new one.")
        }
        let text = String(decoding: data, as: UTF8.self)
        do {
            return try YAMLDecoder().decode(Complete.self, from: text).value
        } catch let refusal as Refusal {
            throw refusal
        } catch DecodingError.dataCorrupted(let context) where context.underlyingError is Refusal {
            // What we said ourselves comes back wrapped.
            throw context.underlyingError as? Refusal
                ?? Refusal(.malformed, "\(path) is not valid.", hint: "See docs/operating.md.")
        } catch {
            throw Refusal(
                .malformed, "The configuration \(path) is not valid: \(error).",
                hint: "Compare it with docs/operating.md and correct the line.")
        }
    }

    /// Those given, and the one that devices get at birth: stock clients compare it with the certificate.
    private var namesOfService: [String] {
        guard let host = URLComponents(string: serviceURL)?.host?.trimmingCharacters(in: ["[", "]"]), !host.isEmpty,
            !serviceNames.contains(host)
        else { return serviceNames }
        return serviceNames + [host]
    }

    /// - Parameter home: what relative paths are relative to.
    func house(artifacts: String, home: String) throws -> HouseSettings {
        var settings = HouseSettings()
        settings.organisation = organisation
        settings.serviceURL = serviceURL
        settings.publicURL = publicURL
        settings.serviceNames = namesOfService
        settings.operationalDays = operationalDays
        settings.operationalSeconds = operationalSeconds
        settings.checkInSeconds = checkInSeconds
        settings.confirmUpdates = confirmUpdates
        settings.ledgerOrigin = ledgerOrigin
        settings.witnesses = try witnessAddresses()
        settings.witnessQuorum = witnessQuorum
        settings.outsideCheck = try outsideCheck.open(home: home)
        settings.artifactFolder = artifacts
        settings.clockToleranceSeconds = NodeClock.usualToleranceSeconds
        guard (1...3650).contains(operationalDays), (0...31_536_000).contains(operationalSeconds),
            (1...86_400).contains(checkInSeconds)
        else {
            throw Refusal(
                .malformed, "operationalDays, operationalSeconds or checkInSeconds is out of range.",
                hint: "Use 1 to 3650 days, 0 to 31536000 and 1 to 86400 seconds.")
        }
        return settings
    }

    private func witnessAddresses() throws(Refusal) -> [WitnessAddress] {
        var addresses: [WitnessAddress] = []
        for witness in witnesses {
            guard let url = URL(string: witness.url), let scheme = url.scheme, ["http", "https"].contains(scheme),
                url.host() != nil, url.query() == nil, url.fragment() == nil
            else {
                throw Refusal(
                    .malformed, "\"\(witness.url.prefix(200))\" is not the address of a witness.",
                    hint: "Write it like https://witness.example, without what follows /add-checkpoint.")
            }
            // It stands in the console and in logs.
            guard url.user() == nil, url.password() == nil else {
                throw Refusal(
                    .malformed, "The address of a witness holds a user or a password.",
                    hint: "Take it out: a witness asks for none.")
            }
            var prefix = witness.url
            while prefix.hasSuffix("/") { prefix.removeLast() }
            addresses.append(WitnessAddress(url: prefix, key: try WitnessKey(witness.vkey)))
        }
        _ = try WitnessQuorum(addresses.map(\.key), needed: witnessQuorum == 0 ? nil : witnessQuorum)
        return addresses
    }

    func server() throws(Refusal) -> Server.Settings {
        var settings = Server.Settings()
        settings.device = try Self.listen(listen.device)
        settings.people = try Self.listen(listen.people)
        settings.open = try Self.listen(listen.public)
        settings.peopleOrigin = try peopleOrigin()
        settings.maximumConnections = max(1, maximumConnections)
        settings.idleSeconds = Int64(max(1, idleSeconds))
        settings.door.admission.handshakes = max(1, maximumHandshakes)
        settings.door.admission.requests = max(1, maximumRequests)
        settings.door.admission.perDeviceSecond = max(0, requestsPerDeviceSecond)
        for (label, layout) in est.labels {
            guard let layout = Base64Body.Layout(rawValue: layout) else {
                throw Refusal(
                    .malformed, "The EST label \"\(label)\" has an unknown layout.",
                    hint: "Use \"lines\" or \"oneLine\".")
            }
            settings.door.layouts[label] = layout
        }
        return settings
    }

    /// As browsers write it in "Origin" (RFC 6454 §6.2): scheme, host, and the port unless it is the scheme's own.
    func peopleOrigin() throws(Refusal) -> String? {
        guard !peopleURL.isEmpty else { return nil }
        guard let url = URL(string: peopleURL), let scheme = url.scheme?.lowercased(),
            let standard = ["https": 443, "http": 80][scheme], let host = url.host(percentEncoded: true)?.lowercased(),
            !host.isEmpty, ["", "/"].contains(url.path()), url.query() == nil, url.fragment() == nil, url.user() == nil
        else {
            throw Refusal(
                .malformed, "peopleURL is \"\(peopleURL.prefix(200))\": that is not how a browser names a server.",
                hint: "Write it like https://people.example, without a path; or leave it empty.")
        }
        let port = url.port.flatMap { $0 == standard ? nil : ":\($0)" } ?? ""
        return "\(scheme)://\(host)\(port)"
    }

    static func listen(_ text: String) throws(Refusal) -> Server.Listen {
        let cut = text.lastIndex(of: ":")
        guard let cut, let port = Int(text[text.index(after: cut)...]), (0...65_535).contains(port),
            cut > text.startIndex
        else {
            throw Refusal(
                .malformed, "\"\(text)\" is not an address to listen on.", hint: "Write it like 127.0.0.1:8444.")
        }
        let host = text[..<cut].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        return Server.Listen(host: host, port: port)
    }
}

/// A file may leave settings out; what it names must be known.
private struct Complete: Decodable {
    let value: ServerConfiguration

    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        var value = ServerConfiguration()
        for key in container.allKeys {
            switch key.stringValue {
            case "organisation": value.organisation = try container.decode(String.self, forKey: key)
            case "database": value.database = try container.decode(String.self, forKey: key)
            case "artifacts": value.artifacts = try container.decode(String.self, forKey: key)
            case "listen": value.listen = try container.decode(ServerConfiguration.Listen.self, forKey: key)
            case "serviceURL": value.serviceURL = try container.decode(String.self, forKey: key)
            case "publicURL": value.publicURL = try container.decode(String.self, forKey: key)
            case "peopleURL": value.peopleURL = try container.decode(String.self, forKey: key)
            case "serviceNames": value.serviceNames = try container.decode([String].self, forKey: key)
            case "operationalDays": value.operationalDays = try container.decode(Int.self, forKey: key)
            case "operationalSeconds": value.operationalSeconds = try container.decode(Int.self, forKey: key)
            case "checkInSeconds": value.checkInSeconds = try container.decode(Int.self, forKey: key)
            case "confirmUpdates": value.confirmUpdates = try container.decode(Bool.self, forKey: key)
            case "ledgerOrigin": value.ledgerOrigin = try container.decode(String.self, forKey: key)
            case "witnesses":
                value.witnesses = try container.decode([ServerConfiguration.Witness].self, forKey: key)
            case "witnessQuorum": value.witnessQuorum = try container.decode(Int.self, forKey: key)
            case "outsideCheck":
                value.outsideCheck = try container.decode(ServerConfiguration.Check.self, forKey: key)
            case "maximumConnections": value.maximumConnections = try container.decode(Int.self, forKey: key)
            case "idleSeconds": value.idleSeconds = try container.decode(Int.self, forKey: key)
            case "maximumHandshakes": value.maximumHandshakes = try container.decode(Int.self, forKey: key)
            case "maximumRequests": value.maximumRequests = try container.decode(Int.self, forKey: key)
            case "requestsPerDeviceSecond":
                value.requestsPerDeviceSecond = try container.decode(Int.self, forKey: key)
            case "est": value.est = try container.decode(ServerConfiguration.EST.self, forKey: key)
            case "keys": value.keys = try container.decode(KeysConfiguration.self, forKey: key)
            default:
                throw Refusal(
                    .malformed, "lifelong.yaml has an unknown setting \"\(key.stringValue)\".",
                    hint: "Correct its spelling; docs/operating.md lists all settings.")
            }
        }
        self.value = value
    }
}

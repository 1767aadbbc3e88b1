import Agent
import Foundation
import Server
import Station
import Trust
import Wire

/// What the doors read for themselves; HTTP itself is NIO's.
extension FuzzTarget {
    /// What clients of hawkBit's interface send: here are more members than are read, as theirs have.
    static let stock = [
        message("hawkbit-feedback", HawkBitFeedback.self) {
            promise($0.messages.count <= ($0.status.details?.count ?? 0) + 1, "hawkbit-feedback: invented messages")
        },
        message("hawkbit-attributes", HawkBitAttributes.self),
        message("hawkbit-confirmation", HawkBitConfirmation.self),
        message("hawkbit-auto-confirm", HawkBitAutoConfirm.self),
        message("hawkbit-installed", HawkBitInstalled.self),
        message("hawkbit-targets", [ManagementTarget].self),
        message("hawkbit-modules", [ManagementModule].self),
        message("hawkbit-sets", [ManagementSet].self),
        message("hawkbit-assignments", [ManagementAssignment].self),
        message("hawkbit-setting", ManagementSetting.self),
        FuzzTarget("cbor") { _ in
            let json = stockSeeds.values.joined().filter { !$0.contains(" ") }.map { Array($0.utf8) }
            return try json.map { try CBOR.encode(json: $0) } + [[0xa1, 0x61, 0x61, 0x82, 1, 0x20]]
        } run: { bytes in
            guard let json = try? CBOR.json(from: bytes, limit: 1 << 16) else { return }
            promise(
                (try? JSONSerialization.jsonObject(with: Data(json), options: .fragmentsAllowed)) != nil,
                "cbor: no JSON")
            promise(json.count <= bytes.count * 21, "cbor: it grew")
            guard let written = try? CBOR.encode(json: json) else { return promise(false, "cbor: cannot be written") }
            promise((try? CBOR.json(from: written, limit: 1 << 20)) == json, "cbor: not stable")
        },
    ]

    static let stockSeeds: [String: [String]] = [
        "hawkbit-feedback": [
            #"{"id":7,"time":"20261121T190018","status":{"result":{"progress":{"cnt":0,"of":1},"finished":"none"},"#
                + #""execution":"proceeding","details":["Installing"]}}"#,
            #"{"id":"7","status":{"execution":"closed","result":{"finished":"failure"},"code":500,"details":[]}}"#,
        ],
        "hawkbit-attributes": [#"{"mode":"merge","data":{"board":"c","sn":"4711"},"id":"","status":{}}"#],
        "hawkbit-confirmation": [#"{"confirmation":"denied","code":-10,"details":["not now"]}"#],
        "hawkbit-auto-confirm": [#"{"initiator":"panel","remark":"always"}"#, "{}"],
        "hawkbit-installed": [#"{"name":"thermostat-2","version":"1.4.2"}"#],
        "hawkbit-targets": [#"[{"controllerId":"TH-1","name":"x","securityToken":"d6ae2d6cc6bc2b1c"}]"#],
        "hawkbit-modules": [#"[{"name":"thermostat-2","version":"1.4.2","type":"os","encrypted":false}]"#],
        "hawkbit-sets": [#"[{"name":"x","version":"1.4.2","modules":[{"id":7}],"requiredMigrationStep":false}]"#],
        "hawkbit-assignments": [
            #"[{"id":"TH-1","type":"forced","weight":5,"maintenanceWindow":{"schedule":"0 0 3 ? * *"}},{"id":"TH-2"}]"#
        ],
        "hawkbit-setting": [#"{"value":true}"#, #"{"value":"00:05:00"}"#],
        "mender-auth": [
            #"{"id_data":"{\"mac\":\"de:ad\"}","pubkey":"-----BEGIN PUBLIC KEY-----\n","tenant_token":""}"#
        ],
        "mender-inventory": [#"[{"name":"ip","value":["10.0.0.1",7,true,1.5]},{"name":"x","value": "y"}]"#],
        "mender-next": [#"{"device_provides":{"artifact_name":"r0","device_type":"b"},"update_control_map":true}"#],
        "mender-status": [#"{"status":"already-installed"}"#, #"{"status":"installing","substate":"x"}"#],
        "mender-log": [#"{"messages":[{"level":"error","message":"no","timestamp":"2026-11-21T22:24:26Z"}]}"#],
    ]

    static func message<Value: Codable & Equatable & Sendable>(
        _ name: String, _ type: Value.Type, also check: @escaping @Sendable (Value) -> Void = { _ in }
    ) -> FuzzTarget {
        let known = json(name, type, { _ in [] }, also: check)
        return FuzzTarget(
            name, share: 50, seeds: { _ in (stockSeeds[name] ?? []).map { Array($0.utf8) } }, run: known.run)
    }

    static let doors = [
        FuzzTarget("form") { _ in
            ["a=b&c=%41+d", "form_key=x&device=", "%F0%9F%8E%81=1"].map { Array($0.utf8) }
        } run: { bytes in
            guard let form = try? Form(bytes) else { return }
            promise(form.all("a").count <= 1000, "form: more fields than allowed")
            _ = form["form_key"]
        },
        FuzzTarget("query") { _ in
            ["succession=9", "a=1&succession=0&succession=2", "succession=-1"].map { Array($0.utf8) }
        } run: { bytes in
            guard let number = PlaneRequest.number("succession", in: Substring(text(bytes))) else { return }
            promise((0..<1_000_000_000_000_000).contains(number), "query: a number beyond its bound")
        },
        FuzzTarget("held-certificate", share: 30) { seeds in
            [seeds.leaf, seeds.serverLeaf, seeds.authority.certificate]
        } run: { bytes in
            guard let held = try? HeldCertificate(bytes) else { return }
            promise(!held.isSelfSigned || held.isSelfIssued, "held-certificate: signed by itself under another name")
            promise(held.renewal <= max(held.notAfter, held.notBefore), "held-certificate: renewed after its end")
        },
        FuzzTarget("requested-key") { _ in
            [RequestAttributes.encode(key: .p256), RequestAttributes.encode(key: .p384)]
        } run: { bytes in
            promise([.p256, .p384].contains(RequestedKey.read(bytes)), "requested-key: a key that cannot be made")
        },
        FuzzTarget("percent") { _ in
            ["a%2Fb", "%F0%9F%8E%81", "%4"].map { Array($0.utf8) }
        } run: { bytes in
            guard let decoded = PercentEncoding.decode(Substring(text(bytes))) else { return }
            promise(decoded.utf8.count <= text(bytes).utf8.count, "percent: it grew")
        },
        FuzzTarget("target-token") { _ in
            ["TargetToken 9f86d081", "GatewayToken x", "TargetToken  x", "targettoken x"].map { Array($0.utf8) }
        } run: { bytes in
            guard let found = HawkBitCredentials(text(bytes)) else { return }
            guard case .target(let token) = found else { return }
            promise(text(bytes) == "TargetToken \(token)" && !token.contains(" "), "target-token: read otherwise")
        },
        FuzzTarget("host") { _ in
            ["devices.example:8443", "[::1]:8443", "a@b", "a/b"].map { Array($0.utf8) }
        } run: { bytes in
            guard HostName.isValid(text(bytes)) else { return }
            promise(!text(bytes).contains { "/@?#\\ \"".contains($0) }, "host: it ends the authority of a URL")
        },
        FuzzTarget("rsql") { _ in
            ["name==thermostat-2;version==1.4*", "id==7 and name=='x y'", "q=gt=5,(a==b)"].map { Array($0.utf8) }
        } run: { bytes in
            guard let filter = try? RSQL(text(bytes), fields: ["id", "name", "version"]) else { return }
            promise((1...RSQL.maximumComparisons).contains(filter.comparisons.count), "rsql: a wrong count")
            let written = filter.comparisons.map { one in
                "\(one.field)==\(one.text.contains("'") ? "\"" : "'")\(one.text)\(one.isBeginning ? "*" : "")"
                    + (one.text.contains("'") ? "\"" : "'")
            }
            promise(
                (try? RSQL(written.joined(separator: ";"), fields: ["id", "name", "version"])) == filter,
                "rsql: written, it is read as another")
            promise(filter.comparisons.allSatisfy { $0.holds($0.text) }, "rsql: does not hold of its own text")
        },
        FuzzTarget("multipart", share: 50) { _ in
            let head = "Content-Disposition: form-data; name=\"file\"; filename=\"image.swu\"\r\n\r\n"
            let field = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n"
            return ["--b\r\n\(head)070702\r\n--bc\r\n\r\n--b--\r\n", "\(field)--b\r\n\(head)\r\n--b--"].map {
                Array($0.utf8)
            }
        } run: { bytes in
            func read(_ pieces: Int) -> (name: String?, file: [UInt8])? {
                do throws(Refusal) {
                    var form = try Multipart(contentType: "multipart/form-data; boundary=b")
                    var file: [UInt8] = []
                    for start in stride(from: 0, to: bytes.count, by: pieces) {
                        file += try form.take(bytes[start..<min(start + pieces, bytes.count)])
                    }
                    try form.finish()
                    return (form.filename, file)
                } catch {
                    return nil
                }
            }
            let whole = read(bytes.count + 1)
            for pieces in [1, 7] {
                let found = read(pieces)
                promise(
                    found?.name == whole?.name && found?.file == whole?.file && (found == nil) == (whole == nil),
                    "multipart: how it is cut makes a difference")
            }
            promise((whole?.file.count ?? 0) < bytes.count || bytes.isEmpty, "multipart: it grew")
        },
        FuzzTarget("basic") { _ in
            ["Basic YTpi", "basic OnBhc3M="].map { Array($0.utf8) }
        } run: { bytes in
            guard let found = BasicCredentials(text(bytes)) else { return }
            promise(!found.user.contains(":"), "basic: a colon in the user's name")
            promise(found.user.utf8.count + found.password.utf8.count < 512, "basic: longer than the header")
        },
        FuzzTarget("range") { _ in
            ["bytes=0-0", "bytes=-5", "bytes=7-", "bytes=1-9223372036854775807", "bytes=0-1, 5-6,-2"].map {
                Array($0.utf8)
            }
        } run: { bytes in
            for size in [0, 1, 200_000] {
                guard case .parts(let parts) = ByteRanges.read(text(bytes), size: size) else { continue }
                for part in parts {
                    promise(part.lowerBound >= 0 && part.upperBound <= size && !part.isEmpty, "range: beyond the file")
                }
                promise(parts.count <= ByteRanges.most, "range: too many parts")
                promise(parts.reduce(0) { $0 + $1.count } <= max(size, parts[0].count), "range: more than the whole")
            }
        },
        FuzzTarget("line-address") { _ in
            ["exec:sh -c x", "unix:/a", "pty:/dev/ttyS0", "stdio"].map { Array($0.utf8) }
        } run: {
            _ = try? LineAddress(text($0))
        },
        FuzzTarget("unit-serial") { _ in
            [Array("THERMOSTAT-2-7KQ2M9XA".utf8)]
        } run: { bytes in
            guard UnitSerial.isValid(text(bytes)) else { return }
            promise(bytes.allSatisfy { $0 > 32 && $0 < 127 } && !text(bytes).contains("/"), "unit-serial: unprintable")
        },
        FuzzTarget("label", share: 20) { seeds in
            [Array(try seeds.label.svg().utf8)]
        } run: { bytes in
            guard let label = try? Label(svg: bytes) else { return }
            _ = try? label.svg()
        },
        FuzzTarget("qr", share: 5) { _ in
            [Array("LL1:THERMOSTAT:ABC".utf8)]
        } run: { bytes in
            _ = try? QRCode(text(bytes))
        },
    ]
}

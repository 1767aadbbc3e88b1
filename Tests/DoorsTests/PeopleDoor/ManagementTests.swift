import AsyncHTTPClient
import Foundation
import NIOHTTP1
import Pairing
import Passport
import Registry
import Server
import Store
import Testing
import Use
import Wire
import Workbench

/// hawkBit's management API as scripts use it, with a maker's and an owner's credentials.
private struct ManagementScene: Sendable {
    let bench: HouseBench
    let units: [BenchUnit]
    let maker: String
    let owner: String
    let ada: Principal

    init(settings: (inout HouseSettings) -> Void = { _ in }) async throws {
        bench = try await HouseBench(atRealTime: settings)
        ada = try await bench.ownership("Ada")
        units = try await bench.makeUnits(3)
        for unit in units.prefix(2) {
            try await bench.pair(unit, with: ada)
            _ = try await bench.enrol(unit)
        }
        _ = try await bench.person("mary", .makerAdmin)
        (maker, owner) = (try await bench.token(for: "mary"), try await bench.token(for: "Ada herself"))
    }

    static let image = Array("070702".utf8) + (0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    static let type = "multipart/form-data; boundary=----b0undary"

    static func form(_ bytes: [UInt8], name: String = "image.swu") -> [UInt8] {
        Array("------b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(name)\"\r\n\r\n".utf8)
            + bytes
            + Array("\r\n------b0undary--\r\n".utf8)
    }
}

private struct Failure: Decodable {
    var exceptionClass, errorCode, message: String
    var parameters: [String: String]?
}

private struct Identified: Decodable {
    var id: Int64
    var name: String?
    var version: String?
    var complete: Bool?
}

private struct Page<Item: Decodable>: Decodable {
    var content: [Item]
    var total, size: Int
}

private struct Target: Decodable {
    var controllerId, updateStatus: String
    var securityToken: String?
    var lastControllerRequestAt: Int64?
}

private struct Action: Decodable {
    var id: Int64
    var type, status, detailStatus: String
    var _links: [String: Link]
    struct Link: Decodable { var href: String }
}

private struct Status: Decodable {
    var id: Int
    var type: String
    var messages: [String]
}

private struct Assignment: Decodable {
    var assigned, alreadyAssigned, total: Int
    var assignedActions: [Identified]
}

/// One caller of the API.
private struct Script: Sendable {
    let door: LiveDoor
    let token: String

    func call(_ method: HTTPMethod, _ path: String, _ json: String? = nil) async throws -> LiveDoor.Answer {
        try await door.send(method, "/rest/v1" + path, token: token, body: json.map { Array($0.utf8) })
    }

    func upload(_ module: Int64, _ bytes: [UInt8], query: String = "") async throws -> LiveDoor.Answer {
        try await door.send(
            .POST, "/rest/v1/softwaremodules/\(module)/artifacts\(query)", token: token,
            body: ManagementScene.form(bytes), type: ManagementScene.type)
    }

    func module(_ version: String) async throws -> Int64 {
        let made = try await call(
            .POST, "/softwaremodules", #"[{"name":"\#(HouseBench.product)","version":"\#(version)","type":"os"}]"#)
        #expect(made.status == 201, "\(made.text)")
        return try made.decoded([Identified].self)[0].id
    }

    /// A published release, as a script makes one.
    func set(_ version: String) async throws -> Int64 {
        let module = try await module(version)
        let uploaded = try await upload(module, ManagementScene.image + Array(version.utf8))
        #expect(uploaded.status == 201, "\(uploaded.text)")
        let made = try await call(
            .POST, "/distributionsets",
            #"[{"name":"whatever","version":"\#(version)","type":"os","modules":[{"id":\#(module)}]}]"#)
        #expect(made.status == 201, "\(made.text)")
        return try made.decoded([Identified].self)[0].id
    }

    func expect(
        _ answer: LiveDoor.Answer, _ status: UInt, _ code: String, rule: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(answer.status == status, "\(answer.text)", sourceLocation: sourceLocation)
        let failure = try? answer.decoded(Failure.self)
        #expect(
            failure?.errorCode == "hawkbit.server.error.\(code)", "\(answer.text)", sourceLocation: sourceLocation)
        #expect(failure?.exceptionClass.hasPrefix("org.eclipse.hawkbit.") == true, sourceLocation: sourceLocation)
        if let rule { #expect(failure?.parameters?["rule"] == rule, "\(answer.text)", sourceLocation: sourceLocation) }
    }
}

@Suite struct `A script for hawkBit's management API` {
    @Test func `publishes, assigns, asks and cancels`() async throws {
        let scene = try await ManagementScene()
        let serial = scene.units[0].serial
        try await LiveDoor.run(scene.bench) { door async throws in
            let script = Script(door: door, token: scene.maker)
            let module = try await script.module("1.0")
            let bare = try await script.call(.GET, "/softwaremodules/\(module)").decoded(Identified.self)
            #expect(bare.complete == false && bare.name == HouseBench.product.text)
            let uploaded = try await script.upload(module, ManagementScene.image, query: "?filename=a.swu")
            #expect(
                uploaded.status == 201 && uploaded.text.contains(#""providedFilename":"a.swu""#), "\(uploaded.text)")
            #expect(uploaded.text.contains(#""size":\#(ManagementScene.image.count)"#))
            let set = try await script.call(
                .POST, "/distributionsets", #"[{"name":"n","version":"1.0","modules":[{"id":\#(module)}]}]"#
            ).decoded([Identified].self)[0]
            // What it was begun as is known by that number still, and by the release's own.
            for id in [module, set.id] {
                #expect(try await script.call(.GET, "/softwaremodules/\(id)").decoded(Identified.self).id == module)
            }
            let events = try await scene.bench.house.read { rows in
                try rows.query("SELECT idx FROM ledger WHERE kind = 'releasePublished'").map { $0.optionalInt("idx") }
            }
            #expect(events == [set.id])

            let body = #"[{"id":"\#(serial)","type":"forced"}]"#
            let path = "/distributionsets/\(set.id)/assignedTargets"
            let assigned = try await script.call(.POST, path, body).decoded(Assignment.self)
            #expect(assigned.assigned == 1 && assigned.alreadyAssigned == 0 && assigned.total == 1)
            let action = assigned.assignedActions[0].id
            let again = try await script.call(.POST, path, body).decoded(Assignment.self)
            #expect(again.assigned == 0 && again.alreadyAssigned == 1 && again.assignedActions.map(\.id) == [action])
            #expect(try await script.call(.GET, "/targets/\(serial)").decoded(Target.self).updateStatus == "pending")
            let shown = try await script.call(.GET, "/targets/\(serial)/actions/\(action)").decoded(Action.self)
            #expect(shown.status == "pending" && shown.detailStatus == "running" && shown.type == "update")
            #expect(shown._links["distributionset"]?.href.hasSuffix("/rest/v1/distributionsets/\(set.id)") == true)

            // Its client begins, is asked to stop, and agrees.
            let device = Principal.device(scene.units[0].device)
            _ = try await scene.bench.house.perform(
                ReportDeployment(action: action, step: .underWay, messages: ["Installing"]), as: device)
            let delete = "/targets/\(serial)/actions/\(action)"
            #expect(try await script.call(.DELETE, delete).status == 204)
            let asked = try await script.call(.GET, delete).decoded(Action.self)
            #expect(asked.type == "cancel" && asked.status == "pending" && asked.detailStatus == "canceling")
            _ = try await scene.bench.house.perform(
                ReportCancellation(action: action, step: .stopped, messages: ["Action canceled."]), as: device)
            let over = try await script.call(.GET, delete).decoded(Action.self)
            #expect(over.type == "cancel" && over.status == "canceled")
            let statuses = try await script.call(.GET, delete + "/status?offset=0&limit=50&sort=id:DESC")
                .decoded(Page<Status>.self)
            #expect(statuses.content.map(\.type) == ["canceled", "running"] && statuses.total == 2)
            #expect(statuses.content[0].messages.prefix(2) == ["Action canceled.", "Installing"])
            for force in ["", "?force=true"] {
                let late = try await script.call(.DELETE, delete + force)
                script.expect(late, 405, "action.notcancelable")
                #expect(late.headers.first(name: "Allow") == "GET, HEAD")
            }
        }
    }

    @Test func `reads how an update went, whoever offered it`() async throws {
        let scene = try await ManagementScene()
        let (house, unit) = (scene.bench.house, scene.units[0])
        try await LiveDoor.run(scene.bench) { door async throws in
            let script = Script(door: door, token: scene.maker)
            let first = try await script.set("1.0")
            _ = try await script.set("1.1")
            // Not by a script.
            _ = try await house.perform(
                OfferUpdate(product: HouseBench.product, sequence: 1, devices: [unit.serial]), as: .system)
            func actions() async throws -> [Action] {
                try await script.call(.GET, "/targets/\(unit.serial)/actions").decoded(Page<Action>.self).content
            }
            let one = try await actions()[0].id
            _ = try await house.perform(
                ReportDeployment(action: one, step: .failed, messages: ["no space"]), as: .device(unit.device))
            #expect(try await actions().map(\.detailStatus) == ["error"])
            #expect(try await script.call(.GET, "/targets/\(unit.serial)").decoded(Target.self).updateStatus == "error")
            let status = try await script.call(.GET, "/targets/\(unit.serial)/actions/\(one)/status")
                .decoded(Page<Status>.self).content
            #expect(status.first?.type == "error" && status.first?.messages.first == "no space")
            let body = #"[{"id":"\#(unit.serial)"}]"#
            let two = try await script.call(.POST, "/distributionsets/\(first)/assignedTargets", body)
                .decoded(Assignment.self).assignedActions[0].id
            // Offered something newer before it was done; and done all the same.
            _ = try await house.perform(
                OfferUpdate(product: HouseBench.product, sequence: 2, devices: [unit.serial]), as: .system)
            #expect(try await actions().map(\.detailStatus) == ["running", "canceled", "error"])
            let three = try await actions()[0].id
            _ = try await house.perform(ReportDeployment(action: three, step: .installed), as: .device(unit.device))
            #expect(try await actions().map(\.status) == ["finished", "canceled", "finished"])
            #expect(try await actions().map(\.id) == [three, two, one])
            let target = try await script.call(.GET, "/targets/\(unit.serial)").decoded(Target.self)
            #expect(target.updateStatus == "in_sync" && target.securityToken == nil)
            let have = try await script.call(.POST, "/distributionsets/\(first)/assignedTargets", body)
            script.expect(have, 409, "repo.entitiyAlreayExists", rule: "hawkBit: assignment")
            // An owner sees the same of what is its own, and nothing else.
            let owner = Script(door: door, token: scene.owner)
            #expect(try await owner.call(.GET, "/targets/\(unit.serial)/actions").status == 200)
            owner.expect(try await owner.call(.GET, "/targets/\(scene.units[2].serial)"), 404, "repo.entitiyNotFound")
        }
    }

    @Test func `makes targets as their owner: tokens, shown once, all or none`() async throws {
        let scene = try await ManagementScene()
        let (one, two, foreign) = (scene.units[0].serial, scene.units[1].serial, scene.units[2].serial)
        let token = "d6ae2d6cc6bc2b1ce0d9a5d6b4ad93f4"
        @Sendable func kept() async throws -> Int {
            try await scene.bench.house.read { try $0.count("SELECT COUNT(*) AS n FROM stock_client") }
        }
        try await LiveDoor.run(scene.bench) { door async throws in
            let owner = Script(door: door, token: scene.owner)
            for (bad, status, code) in [
                (#"[{"controllerId":"\#(one)"},{"controllerId":"\#(foreign)"}]"#, UInt(404), "repo.entitiyNotFound"),
                (#"[{"controllerId":"\#(one)"},{"controllerId":"NOBODY"}]"#, 404, "repo.entitiyNotFound"),
                (#"[{"controllerId":"\#(one)"},{"controllerId":"\#(one)"}]"#, 400, "rest.body.notReadable"),
                (#"[{"controllerId":"\#(one)","securityToken":"short"}]"#, 400, "rest.body.notReadable"),
                (
                    #"[{"controllerId":"\#(one)","securityToken":"\#(token)"},{"controllerId":"\#(two)","securityToken":"\#(token)"}]"#,
                    400, "rest.body.notReadable"
                ),
                ("[]", 400, "rest.body.notReadable"), ("{}", 400, "rest.body.notReadable"),
            ] {
                owner.expect(try await owner.call(.POST, "/targets", bad), status, code)
                #expect(try await kept() == 0, "\(bad)")
            }
            let body = """
                [{"controllerId":"\(one)","name":"x","securityToken":"\(token)"},{"controllerId":"\(two)","name":"y"}]
                """
            let made = try await owner.call(.POST, "/targets", body)
            #expect(made.status == 201, "\(made.text)")
            let targets = try made.decoded([Target].self)
            #expect(targets[0].securityToken == token && targets[1].securityToken?.count == 64)
            #expect(try await owner.call(.GET, "/targets/\(two)").text.contains("securityToken") == false)
            // They are there.
            owner.expect(try await owner.call(.POST, "/targets", body), 409, "repo.entitiyAlreayExists")
            let maker = Script(door: door, token: scene.maker)
            maker.expect(
                try await maker.call(.POST, "/targets", body), 403, "insufficientpermission",
                rule: "role makerAdmin: own")
            maker.expect(
                try await maker.call(.DELETE, "/targets/\(one)"), 403, "insufficientpermission",
                rule: "hawkBit: not mapped")
        }
    }

    @Test func `pages, sorts and filters lists, and is told what is not understood`() async throws {
        let scene = try await ManagementScene()
        let serials = scene.units.map(\.serial).sorted()
        try await LiveDoor.run(scene.bench) { door async throws in
            let script = Script(door: door, token: scene.maker)
            func targets(_ query: String) async throws -> Page<Target> {
                try await script.call(.GET, "/targets?\(query)").decoded(Page<Target>.self)
            }
            #expect(try await targets("").content.map(\.controllerId) == serials)
            let second = try await targets("offset=1&limit=1&sort=controllerId:DESC")
            #expect(second.content.map(\.controllerId) == [serials[1]] && second.total == 3 && second.size == 1)
            #expect(try await targets("limit=100000").size == 3)
            #expect(try await targets("limit=0").size == 3)
            #expect(try await targets("offset=9999").size == 0)
            #expect(try await targets("q=controllerId==\(serials[2])").content.map(\.controllerId) == [serials[2]])
            #expect(try await targets("q=id==\(serials[2].prefix(6))*").total == 3)
            #expect(try await targets("q=name==nothing").total == 0)
            let owner = Script(door: door, token: scene.owner)
            #expect(try await owner.call(.GET, "/targets").decoded(Page<Target>.self).total == 2)

            for bad in [
                "q=name!=x", "q=name==x,name==y", "q=(name==x)", "q=updatestatus==pending", "q=", "q=name%3D%3D",
                "q=name%3D%3D*x*", "q=name%3D%3D%22x", "q=name%3Dgt%3D5", "q=\(String(repeating: "a", count: 2000))",
                "q=name==x;", "q=name==x;id==x",
            ] {
                // An empty filter is none.
                let answer = try await script.call(.GET, "/targets?\(bad)")
                if bad == "q=" {
                    #expect(answer.status == 200)
                } else {
                    script.expect(answer, 400, "rest.param.rsqlParamSyntax", rule: "hawkBit: rsql")
                }
            }
            for bad in [
                "sort=colour:ASC", "sort=id:UP", "sort=id:ASC:x", "offset=x", "offset=10001", "limit=-1", "colour=1",
            ] {
                script.expect(try await script.call(.GET, "/targets?\(bad)"), 400, "rest.body.notReadable")
            }
            for version in ["1.0", "1.1", "2.0"] { _ = try await script.set(version) }
            func versions(_ path: String) async throws -> [String] {
                try await script.call(.GET, path).decoded(Page<Identified>.self).content.compactMap(\.version)
            }
            #expect(try await versions("/distributionsets?sort=id:DESC&limit=2") == ["2.0", "1.1"])
            #expect(
                try await versions("/distributionsets?q=version==1.*;name==\(HouseBench.product)") == ["1.0", "1.1"])
            _ = try await script.module("3.0")
            #expect(try await versions("/softwaremodules") == ["1.0", "1.1", "2.0", "3.0"])
            #expect(try await versions("/softwaremodules?q=version%3D%3D%222.0%22%20and%20type%3D%3Dos") == ["2.0"])
        }
    }

    @Test func `cannot do more than its person, nor what has no counterpart`() async throws {
        let scene = try await ManagementScene()
        let (serial, product) = (scene.units[0].serial, HouseBench.product)
        try await LiveDoor.run(scene.bench) { door async throws in
            let script = Script(door: door, token: scene.maker)
            let set = try await script.set("1.0")
            func refused(
                _ method: HTTPMethod, _ path: String, _ body: String? = nil, _ rule: String = "hawkBit: not mapped"
            )
                async throws
            {
                script.expect(try await script.call(method, path, body), 403, "insufficientpermission", rule: rule)
            }
            try await refused(.DELETE, "/distributionsets/\(set)")
            try await refused(.DELETE, "/softwaremodules/\(set)")
            try await refused(.DELETE, "/softwaremodules/\(set)/artifacts/\(try await script.module(of: set))")
            for more in [
                #""type":"soft""#, #""type":"downloadonly""#, #""type":"timeforced","forcetime":1"#, #""weight":5"#,
                #""confirmationRequired":true"#, #""maintenanceWindow":{"schedule":"x","duration":"y"}"#,
            ] {
                try await refused(.POST, "/distributionsets/\(set)/assignedTargets", #"[{"id":"\#(serial)",\#(more)}]"#)
            }
            try await refused(
                .POST, "/softwaremodules", #"[{"name":"\#(product)","version":"9","type":"os","encrypted":true}]"#)
            try await refused(.PUT, "/system/configs/pollingTime", #"{"value":"00:00:30"}"#)
            try await refused(.PUT, "/system/configs/authentication.gatewaytoken.enabled", #"{"value":true}"#)
            #expect(try await script.call(.PUT, "/system/configs/pollingTime", #"{"value":"00:05:00"}"#).status == 204)
            let on = try await script.call(.GET, "/system/configs/authentication.targettoken.enabled")
            #expect(on.text.contains(#""value":true"#))
            script.expect(try await script.call(.GET, "/system/configs/colour"), 404, "repo.entitiyNotFound")
            // A device that is held, and one that is nobody's.
            let assign = "/distributionsets/\(set)/assignedTargets"
            _ = try await scene.bench.house.perform(HoldUpdates(device: serial), as: .system)
            let held = try await script.call(.POST, assign, #"[{"id":"\#(serial)"}]"#)
            script.expect(held, 409, "repo.entitiyAlreayExists", rule: "hawkBit: assignment")
            script.expect(try await script.call(.POST, assign, #"[{"id":"NOBODY"}]"#), 404, "repo.entitiyNotFound")
            // Quarantine binds it as everything else.
            let other = scene.units[1]
            _ = try await scene.bench.house.perform(
                QuarantineDevice(device: other.serial, reason: "tamper"), as: .system)
            let cut = try await script.call(.POST, assign, #"[{"id":"\#(other.serial)"}]"#)
            script.expect(cut, 409, "repo.entitiyAlreayExists", rule: "hawkBit: assignment")
            let support = try await scene.bench.person("sue", .support)
            #expect(support.role == .support)
            let sue = Script(door: door, token: try await scene.bench.token(for: "sue"))
            #expect(try await sue.call(.GET, "/distributionsets").status == 200)
            for (method, path) in [
                (HTTPMethod.POST, "/softwaremodules"), (.POST, assign), (.POST, "/distributionsets"),
                (.DELETE, "/targets/\(serial)/actions/1"),
            ] {
                sue.expect(
                    try await sue.call(method, path, method == .POST ? "not even JSON" : nil), 403,
                    "insufficientpermission", rule: "role support: publish")
            }
        }
    }

    @Test func `whose product has update metadata is told who signs`() async throws {
        let staff = try await Staff()
        let updates = try await UpdateBench(staff.bench)
        _ = updates
        let token = try #require(staff.tokens[.makerAdmin])
        try await LiveDoor.run(staff.bench) { door async throws in
            let script = Script(door: door, token: token)
            let module = try await script.module("1.0")
            _ = try await script.upload(module, ManagementScene.image)
            let made = try await script.call(
                .POST, "/distributionsets", #"[{"version":"1.0","modules":[{"id":\#(module)}]}]"#)
            script.expect(made, 409, "repo.entitiyAlreayExists", rule: "release: update metadata")
        }
    }

    @Test func `that sends bad uploads leaves nothing behind`() async throws {
        let scene = try await ManagementScene()
        let folder = scene.bench.house.settings.artifactFolder
        try await LiveDoor.run(scene.bench) { door async throws in
            let script = Script(door: door, token: scene.maker)
            let module = try await script.module("1.0")
            func send(_ body: [UInt8], _ type: String = ManagementScene.type, _ query: String = "") async throws
                -> LiveDoor.Answer
            {
                try await door.send(
                    .POST, "/rest/v1/softwaremodules/\(module)/artifacts\(query)", token: scene.maker, body: body,
                    type: type)
            }
            let whole = ManagementScene.form(ManagementScene.image)
            let twice = Array(whole.dropLast(4)) + Array("\r\n".utf8) + whole
            let empty = ManagementScene.form([])
            let field = Array(
                "------b0undary\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n------b0undary--".utf8)
            for bad in [
                Array(whole.dropLast(20)), Array(whole.dropFirst(2)), twice, empty, field, Array("nothing".utf8), [],
                Array("------b0undary\r\n".utf8) + [UInt8](repeating: 97, count: 5000),
                Array("------b0undaryX\r\n\r\n".utf8),
            ] {
                script.expect(try await send(bad), 400, "rest.body.notReadable")
            }
            for type in [
                "application/octet-stream", "multipart/form-data", "multipart/form-data; boundary=",
                "multipart/mixed; boundary=x",
            ] {
                script.expect(try await send(whole, type), 415, "rest.body.notReadable")
            }
            let sums = "?sha256sum=\(String(repeating: "0", count: 64))"
            script.expect(try await send(whole, ManagementScene.type, sums), 400, "rest.body.notReadable")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            script.expect(
                try await script.call(
                    .POST, "/distributionsets", #"[{"version":"1.0","modules":[{"id":\#(module)}]}]"#), 409,
                "repo.entitiyAlreayExists", rule: "release: one artifact")
            // Folders in a name are nobody's business.
            let named = ManagementScene.form(ManagementScene.image, name: "../../etc/x\u{7}.swu")
            #expect(try await send(named).text.contains(#""providedFilename":"x.swu""#))
            #expect(try await send(named).status == 201)
            script.expect(
                try await script.upload(module, ManagementScene.image + [1]), 409, "repo.entitiyAlreayExists",
                rule: "release: one artifact")
            #expect(try await script.call(.DELETE, "/softwaremodules/\(module)/artifacts/\(module)").status == 204)
            script.expect(
                try await script.call(.GET, "/softwaremodules/\(module)/artifacts/\(module)"), 404,
                "repo.entitiyNotFound")
            #expect(try await script.call(.DELETE, "/softwaremodules/\(module)").status == 204)
            script.expect(try await script.call(.GET, "/softwaremodules/\(module)"), 404, "repo.entitiyNotFound")
            for id in ["x", "-1", "99999999999999999999", "0"] {
                script.expect(try await script.call(.GET, "/softwaremodules/\(id)"), 404, "repo.entitiyNotFound")
            }
            for bad in [
                #"[{"name":"nothing","version":"1","type":"os"}]"#,
                #"[{"name":"\#(HouseBench.product)","version":"","type":"os"}]"#,
                #"[{"name":"\#(HouseBench.product)","version":"1","type":"o s"}]"#, "[]", "{",
                #"[{"name":"x y","version":"1","type":"os"}]"#,
            ] {
                let answer = try await script.call(.POST, "/softwaremodules", bad)
                #expect(answer.status == 400 || answer.status == 404, "\(bad): \(answer.text)")
            }
        }
    }

    @Test func `signs in with a person's name and token, with a tenant or without`() async throws {
        let scene = try await ManagementScene()
        try await LiveDoor.run(scene.bench) { door async throws in
            func get(_ user: String, _ password: String, _ path: String = "/rest/v1/targets", _ more: HTTPHeaders = [:])
                async throws -> LiveDoor.Answer
            {
                var headers = more
                headers.add(name: "Authorization", value: "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))")
                return try await door.send(.GET, path, headers: headers)
            }
            #expect(try await get("mary", scene.maker).status == 200)
            #expect(try await get("DEFAULT\\mary", scene.maker).status == 200)
            for (user, password) in [
                ("mary", "x"), ("Ada herself", scene.maker), ("", scene.maker), ("mary\\", scene.maker),
                ("admin", "admin"),
            ] {
                let answer = try await get(user, password)
                #expect(answer.status == 401, "\(user)")
                #expect(answer.headers.first(name: "WWW-Authenticate")?.contains("Basic realm") == true)
                #expect(!answer.text.contains(scene.maker))
            }
            // Nowhere else.
            #expect(try await get("mary", scene.maker, "/api/v1/whoami").status == 401)
            // A browser that knows the password is not to be led here by another site's page.
            let basic = "Basic \(Base64.encode(Array("mary:\(scene.maker)".utf8)))"
            let module = ["Authorization": basic, "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"]
            let led = try await door.send(
                .POST, "/rest/v1/softwaremodules", headers: HTTPHeaders(module.map { ($0.key, $0.value) }),
                body: Array("[]".utf8))
            #expect(led.status == 403 && led.text.contains("same origin"), "\(led.text)")
            let nobody = try await door.send(.GET, "/rest/v1/targets")
            #expect(nobody.status == 401)
            #expect(try await door.send(.PUT, "/rest/v1/targets", token: scene.maker, body: []).status == 405)
            #expect(try await door.send(.GET, "/rest/v1/rollouts", token: scene.maker).status == 404)
        }
    }
}

extension Script {
    /// The number of the module of a set.
    fileprivate func module(of set: Int64) async throws -> Int64 {
        struct Found: Decodable { var modules: [Identified] }
        return try await call(.GET, "/distributionsets/\(set)").decoded(Found.self).modules[0].id
    }
}

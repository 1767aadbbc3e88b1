import Foundation
import Passport
import Registry
import Server
import Testing
import Use
import Wire
import Workbench

extension `Debian's SWUpdate` {
    /// What a script for hawkBit does with curl; S, T and R are the set, its action and the API.
    private static let script = #"""
        set -e
        ask() { curl -K curl.conf -sS --fail-with-body "$@"; }
        json() { ask -H 'Content-Type: application/json' "$@"; }
        get() { python3 -c 'import json,sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }
        M=$(json $R/softwaremodules -d '[{"name":"PRODUCT","version":"1.0","type":"os"}]' | get 'd[0]["id"]')
        SUM=$(sha256sum 1.swu | cut -d' ' -f1)
        [ "$(ask -F file=@1.swu "$R/softwaremodules/$M/artifacts?sha256sum=$SUM" | get 'd["hashes"]["sha256"]')" = "$SUM" ]
        S=$(json $R/distributionsets -d "[{\"name\":\"set\",\"version\":\"1.0\",\"type\":\"os\",\"modules\":[{\"id\":$M}]}]" | get 'd[0]["id"]')
        T=$(json $R/distributionsets/$S/assignedTargets -d '[{"id":"SERIAL","type":"forced"}]' | get 'd["assignedActions"][0]["id"]')
        echo "action $T"
        """#

    @Test(.timeLimit(.minutes(3)), .enabled(if: OutsideProgram.findOrSay("curl", package: "curl")))
    func `takes what a script for hawkBit published and assigned, and the script reads how it went`() async throws {
        let device = try await SWUpdateScene(.token)
        let (bench, serial) = (device.est.bench, device.est.unit.serial)
        _ = try await device.image(1)
        _ = try await bench.person("mary", .makerAdmin)
        try device.est.write(
            """
            user = "mary:\(try await bench.token(for: "mary"))"
            """, "curl.conf")
        let folder = device.folder
        try await device.est.serve { door in
            let root = "R=http://127.0.0.1:\(door.ports.people)/rest/v1\n"
            @Sendable func run(_ script: String) async throws -> String {
                let text =
                    root + script.replacing("PRODUCT", with: HouseBench.product.text).replacing("SERIAL", with: serial)
                let (status, said) = try await Shell.run(text, in: folder, seconds: 60)
                guard status == 0 else {
                    throw Refusal(.conflict, "The script ended with \(status): \(said)", hint: "Read what it said.")
                }
                return said
            }
            let said = try await run(Self.script)
            let action = try #require(said.firstMatch(of: /action ([0-9]+)/)).output.1
            let target = "curl -K curl.conf -sS --fail-with-body $R/targets/SERIAL"
            #expect(try await run(target).contains(#""updateStatus":"pending""#))

            _ = try await device.run(door.device) { device.hasRestarted }
            let running = try await run("\(target)/actions/\(action)")
            #expect(running.contains(#""status":"pending""#) && running.contains(#""detailStatus":"running""#))
            _ = try await device.run(door.device, confirm: 2) { try await device.passport().installed != nil }
            #expect(device.installed == device.content(1, bytes: 60_000))
            let done = try await run("\(target)/actions/\(action)")
            #expect(done.contains(#""status":"finished""#) && done.contains(#""type":"update""#), "\(done)")
            let history = try await run("\(target)'/actions/\(action)/status?offset=0&limit=50&sort=id:DESC'")
            #expect(history.contains(#""type":"finished""#) && history.contains("Update Installed."), "\(history)")
            #expect(try await run(target).contains(#""updateStatus":"in_sync""#))
            #expect(try await run("\(target)/attributes").contains(#""board":"c""#))
        }
        try await bench.publisher.publish()
        #expect(try await Audit.run(device.house.database).findings.isEmpty)
    }
}

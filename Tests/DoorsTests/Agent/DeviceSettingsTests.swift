import Agent
import Foundation
import Rollout
import Testing
import Wire

@Suite struct `A device's settings` {
    private func read(_ text: String) throws -> DeviceSettings? {
        let disk = MemoryDisk()
        try disk.write(Array(text.utf8), to: "/etc/agent.json")
        return try DeviceSettings.read("/etc/agent.json", on: disk)
    }

    @Test func `have a default for everything`() throws {
        #expect(try read("{}") == DeviceSettings())
        #expect(try DeviceSettings.read("/nowhere", on: MemoryDisk()) == nil)
        let settings = DeviceSettings().agentSettings(on: MemoryDisk(), home: AgentHome("/home"))
        #expect(settings.board is PlainBoard && settings.health == nil && settings.units == nil)
        #expect(settings.healthAttempts == 30)
    }

    @Test func `say all that a board needs`() throws {
        let found = try #require(
            try read(
                """
                { "slots": {"kind": "u-boot", "a": "/dev/mmcblk0p2", "b": "/dev/mmcblk0p3", "variable": "slot"},
                  "health": {"units": ["app.service", "getty@tty1.service"], "command": "/usr/bin/well", "commandSeconds": 20},
                  "window": {"days": [6, 7], "from": 120, "to": 240, "zone": "UTC"}, "timeZone": "Europe/Berlin",
                  "restart": ["reboot", "-f"] }
                """))
        #expect(found.slots == .uBoot(.init(a: "/dev/mmcblk0p2", b: "/dev/mmcblk0p3", variable: "slot")))
        #expect(
            found.health.units.count == 2 && found.health.contactSeconds == 60 && found.restart == ["reboot", "-f"])
        let settings = found.agentSettings(on: MemoryDisk(), home: AgentHome("/home"))
        #expect(settings.board is UBootBoard && settings.units?.names.count == 2)
        #expect(settings.health?.limit == .seconds(20))
        #expect(settings.window == MaintenanceWindow(days: [6, 7], from: 120, to: 240))
        #expect(try read("{\"slots\":{\"kind\":\"rauc\"}}")?.slots == .rauc)
    }

    /// Settings that mean nothing, and a word of what is said about them.
    @Test(arguments: [
        ("{", "not JSON"), ("[]", "wrong type"), ("{\"helth\":{}}", "helth"),
        ("{\"health\":{\"unit\":[]}}", "health.unit"), ("{\"slots\":{\"kind\":\"grub\"}}", "kind"),
        ("{\"slots\":{\"kind\":\"rauc\",\"a\":\"/x\"}}", "slots.a"),
        ("{\"slots\":{\"kind\":\"u-boot\",\"a\":\"/x\"}}", "\"b\""),
        ("{\"slots\":{\"kind\":\"u-boot\",\"a\":\"/x\",\"b\":\"/x\"}}", "two paths"),
        ("{\"slots\":{\"kind\":\"u-boot\",\"a\":\"/x\",\"b\":\"/y\",\"variable\":\"a=b\"}}", "variable"),
        ("{\"health\":{\"units\":[\"--help\"]}}", "unit"), ("{\"health\":{\"units\":[\"a b\"]}}", "unit"),
        ("{\"health\":{\"commandSeconds\":0}}", "time limit"),
        ("{\"health\":{\"contactSeconds\":-1}}", "contactSeconds"),
        ("{\"window\":{\"from\":60,\"to\":60,\"zone\":\"UTC\"}}", "window"),
        ("{\"timeZone\":\"Nowhere\"}", "time zone"),
        ("{\"restart\":[]}", "program"),
    ])
    func `are refused when a word of them is wrong`(_ text: String, _ word: String) {
        #expect { try read(text) } throws: {
            guard let refusal = $0 as? Refusal else { return false }
            return refusal.code == .malformed && refusal.detail.contains(word)
                && refusal.detail.contains("/etc/agent.json")
        }
    }

    @Test func `that are longer than anybody writes are not read`() {
        #expect(throws: Refusal.self) { try read("{\"timeZone\":\"" + String(repeating: "x", count: 70_000) + "\"}") }
    }
}

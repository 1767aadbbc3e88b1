import Passport
import Testing
import Wire
import Workbench

private let packages =
    "strongswan-pki libstrongswan-standard-plugins libstrongswan-extra-plugins libcharon-extra-plugins"

@Suite(.enabled(if: OutsideProgram.findOrSay("pki", package: packages))) struct `strongSwan's pki` {
    private func enrol(
        _ scene: ESTScene, _ door: DeviceBench, _ name: String, _ credentials: [String]
    ) async throws {
        let made = try await scene.run(
            "pki",
            [
                "--est", "--url", "\(door.device)/strongswan", "--in", "\(name).csr", "--cacert", "root.pem",
                "--cacert",
                "issuing.pem", "--outform", "pem",
            ] + credentials)
        try scene.write(made.text, "\(name).pem")
        try await scene.expectOperational("\(name).pem")
    }

    @Test func `enrols with a one-time code and renews with the certificate that it got`() async throws {
        let scene = try await ESTScene()
        try await scene.serve { door in
            try await scene.request("first", subject: "/CN=\(scene.unit.device)")
            try await enrol(scene, door, "first", ["--userpass", "\(scene.unit.serial):\(try await scene.code())"])
            try await scene.request("second", subject: "/O=Example Maker/CN=\(scene.unit.device)")
            try await enrol(scene, door, "second", ["--cert", "first.pem", "--key", "first.key"])
        }
    }

    @Test func `is refused with a wrong code, and with a birth certificate for a renewal`() async throws {
        let scene = try await ESTScene()
        try await scene.serve { door in
            try await scene.request("dev", subject: "/CN=\(scene.unit.device)")
            for (credentials, status) in [
                (["--userpass", "\(scene.unit.serial):0000-0000-0000-0000"], "HTTP 401"),
                // It takes --cert for the certificate that is renewed, and a birth certificate renews nothing.
                (["--cert", "birth.pem", "--key", "birth.key"], "HTTP 403"),
            ] {
                await #expect { try await enrol(scene, door, "dev", credentials) } throws: {
                    ($0 as? Refusal)?.detail.contains(status) == true
                }
            }
        }
    }
}

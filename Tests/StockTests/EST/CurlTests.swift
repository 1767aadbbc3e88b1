import Passport
import Registry
import Testing
import Wire
import Workbench

@Suite(
    .enabled(if: OutsideProgram.findOrSay("curl", package: "curl")),
    .enabled(if: OutsideProgram.findOrSay("openssl", package: "openssl"))
) struct `curl and openssl` {
    private func post(
        _ scene: ESTScene, _ door: DeviceBench, _ name: String, to operation: String, cert: String, key: String,
        _ more: [String]
    ) async throws {
        try await scene.run(
            "curl",
            [
                "--silent", "--show-error", "--fail-with-body", "--cacert", "root.pem", "--cert", cert, "--key", key,
                "--data-binary", "@\(name).b64", "-H", "Content-Type: application/pkcs10", "-o", "\(name).p7.b64",
                "\(door.device)/.well-known/est/\(operation)",
            ] + more)
        try await scene.run("openssl", ["base64", "-d", "-in", "\(name).p7.b64", "-out", "\(name).p7"])
        try await scene.run(
            "openssl", ["pkcs7", "-inform", "DER", "-in", "\(name).p7", "-print_certs", "-out", "\(name).pem"])
    }

    private func status(_ scene: ESTScene, _ door: DeviceBench, _ name: String) async throws -> String {
        try await scene.run(
            "curl",
            [
                "--silent", "--show-error", "--fail-with-body", "--cacert", "root.pem", "--cert", "\(name).pem",
                "--key",
                "\(name).key", "\(door.device)/device/v1/status",
            ]
        ).text
    }

    @Test(arguments: [["--tls-max", "1.2"], ["--tlsv1.3"]])
    func `enrol on the birth certificate and renew with the same key and with a new one`(_ version: [String])
        async throws
    {
        let scene = try await ESTScene()
        try await scene.serve { door in
            try await scene.request("first", subject: "/CN=\(scene.unit.serial)")
            try await post(scene, door, "first", to: "simpleenroll", cert: "birth.pem", key: "birth.key", version)
            try await scene.expectOperational("first.pem")
            #expect(try await status(scene, door, "first").contains("\"state\":\"enrolled\""))

            try await scene.request("second", subject: "/O=Example Maker/CN=\(scene.unit.device)")
            try await post(scene, door, "second", to: "simplereenroll", cert: "first.pem", key: "first.key", version)
            try await scene.expectOperational("second.pem")
            #expect(try await status(scene, door, "first").contains("\"state\":\"revoked\""))

            try await scene.run(
                "openssl", ["x509", "-x509toreq", "-in", "second.pem", "-signkey", "second.key", "-out", "third.req"])
            try await scene.run("openssl", ["req", "-in", "third.req", "-outform", "DER", "-out", "third.csr"])
            try await scene.run("openssl", ["base64", "-e", "-in", "third.csr", "-out", "third.b64"])
            try await post(scene, door, "third", to: "simplereenroll", cert: "second.pem", key: "second.key", version)
            try await scene.expectOperational("third.pem")
        }
    }

    @Test func `enrol with a one-time code and hear of it when it is used up`() async throws {
        let scene = try await ESTScene()
        try await scene.serve { door in
            let code = try await scene.code()
            try await scene.request("dev", subject: "/CN=\(scene.unit.device)")
            let arguments = [
                "--silent", "--show-error", "--cacert", "root.pem", "--user", "\(scene.unit.serial):\(code)",
                "--data-binary", "@dev.b64", "-H", "Content-Type: application/pkcs10", "-w", "%{http_code}", "-o",
                "dev.p7.b64",
                "\(door.device)/.well-known/est/simpleenroll",
            ]
            #expect(try await scene.run("curl", arguments).text == "200")
            #expect(try await scene.run("curl", arguments).text == "401")
        }
    }

    @Test func `read the authorities without any certificate of their own`() async throws {
        let scene = try await ESTScene()
        try await scene.serve { door in
            try await scene.run(
                "curl",
                [
                    "--silent", "--fail", "--cacert", "root.pem", "-o", "ca.b64",
                    "\(door.device)/.well-known/est/cacerts",
                ])
            try await scene.run("openssl", ["base64", "-d", "-in", "ca.b64", "-out", "ca.p7"])
            let names = try await scene.run(
                "openssl", ["pkcs7", "-inform", "DER", "-in", "ca.p7", "-print_certs", "-noout"]
            ).text
            #expect(names.contains("Operational Root") && names.contains("Operational Issuing"))
        }
    }

    @Test func `are refused a key of 1024 bits RSA, and told the rule`() async throws {
        let scene = try await ESTScene()
        try await scene.serve { door in
            try await scene.run("openssl", ["genrsa", "-out", "weak.key", "1024"])
            try await scene.run(
                "openssl",
                [
                    "req", "-new", "-key", "weak.key", "-subj", "/CN=\(scene.unit.serial)", "-outform", "DER", "-out",
                    "weak.csr",
                ])
            try await scene.run("openssl", ["base64", "-e", "-in", "weak.csr", "-out", "weak.b64"])
            let answer = try await scene.run(
                "curl",
                [
                    "--silent", "--cacert", "root.pem", "--cert", "birth.pem", "--key", "birth.key", "--data-binary",
                    "@weak.b64", "-H", "Content-Type: application/pkcs10", "-w", " status %{http_code}",
                    "\(door.device)/.well-known/est/simpleenroll",
                ]
            ).text
            #expect(answer.contains("RSA key under 2048 bits") && answer.hasSuffix(" status 400"), "\(answer)")
            let passport = try await scene.bench.house.read { rows in
                try Device.require(scene.unit.serial, in: rows).passport
            }
            #expect(passport.certificates.isEmpty)
        }
    }
}

import Foundation
import Pairing
import Passport
import Registry
import Server
import Trust
import Wire
import Workbench

/// A paired device whose keys and certificates are files, for programs of other makers.
struct ESTScene: Sendable {
    let bench: HouseBench
    let ada: Principal
    let unit: BenchUnit
    var folder: String { bench.folder }

    init(settings: (inout HouseSettings) -> Void = { _ in }) async throws {
        bench = try await HouseBench(atRealTime: settings)
        ada = try await bench.ownership()
        unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: ada)
        for (name, file) in [(Authorities.Name.operationalRoot, "root.pem"), (Authorities.Name.issuing, "issuing.pem")]
        {
            guard let known = bench.house.authorities.known(name) else { continue }
            try write(PEM.encode(known.certificate, label: "CERTIFICATE"), file)
        }
        try write(PEM.encode(unit.certificate, label: "CERTIFICATE"), "birth.pem")
        try write(String(contentsOfFile: bench.birthKeyFile(unit), encoding: .utf8), "birth.key")
    }

    func write(_ text: String, _ file: String) throws {
        try text.write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8)
    }

    func serve(_ body: @escaping @Sendable (DeviceBench) async throws -> Void) async throws {
        try await DeviceBench.run(bench, settings: { $0.door.layouts["strongswan"] = .oneLine }, body)
    }

    func code() async throws -> String {
        try await bench.house.perform(IssueEnrolmentCode(device: unit.serial), as: ada).code
    }

    /// Runs it; what it wrote, or a refusal with what it complained about.
    @discardableResult
    func run(_ program: String, _ arguments: [String]) async throws -> OutsideProgram.Outcome {
        let outcome = try await OutsideProgram.run(program, arguments, in: folder)
        guard outcome.status == 0 else {
            throw Refusal(
                .conflict,
                "\(program) ended with \(outcome.status): \(outcome.text.suffix(2000)) \(outcome.errors.suffix(2000))",
                hint: "Read what it said.")
        }
        return outcome
    }

    /// A new P-256 key in NAME.key and a request for `subject` in NAME.csr (DER) and NAME.b64.
    func request(_ name: String, subject: String) async throws {
        try await run(
            "openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "\(name).key"])
        try await run(
            "openssl",
            ["req", "-new", "-key", "\(name).key", "-subj", subject, "-outform", "DER", "-out", "\(name).csr"])
        try await run("openssl", ["base64", "-e", "-in", "\(name).csr", "-out", "\(name).b64"])
    }

    /// `openssl verify` to the operational root, and whose it is.
    func expectOperational(_ file: String) async throws {
        try await run(
            "openssl",
            [
                "verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "-purpose", "sslclient",
                file,
            ])
        let subject = try await run("openssl", ["x509", "-in", file, "-noout", "-subject"]).text
        guard subject.contains(unit.device.text) else {
            throw Refusal(.conflict, "The certificate is not the device's: \(subject)", hint: "Look at the profile.")
        }
    }
}

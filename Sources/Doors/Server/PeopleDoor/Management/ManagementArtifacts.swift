import Crypto
import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import Registry
import Use
import Wire

/// Artifacts: the one file of a software module. Its number is the module's.
extension Management {
    var artifacts: [PeopleRoute] {
        let path = "/softwaremodules/{module}/artifacts"
        let sums = ["filename", "md5sum", "sha1sum", "sha256sum"].map {
            PeopleRoute.Parameter(
                name: $0, schema: "{type: string}",
                meaning: $0 == "filename" ? "What the file is called." : "What the bytes must have.")
        }
        return [
            route(.get, path, "The file of a module, if it has one.", needs: [.readFleet], reply: "HawkBitArtifactList")
            {
                call in
                let shown = file(of: try await software(call.number("module")), call)
                return [shown].compactMap { $0 }
            },
            route(
                .post, path, "Uploads a draft's file.", needs: [.publish], query: sums, request: "multipart/form-data",
                reply: "HawkBitArtifact", status: 201
            ) { try await upload($0) },
            route(.get, path + "/{artifact}", "The file of a module.", needs: [.readFleet], reply: "HawkBitArtifact") {
                call in
                guard let shown = file(of: try await asked(call), call) else { throw noArtifact }
                return shown
            },
            route(
                .delete, path + "/{artifact}", "Takes a draft's file away.", needs: [.publish], reply: "none",
                status: 204
            ) { call in
                let module = try await asked(call)
                guard case .draft(let draft) = module else { throw Self.published }
                guard draft.artifact != nil else { throw noArtifact }
                _ = try await house.perform(AttachArtifact(draft: draft.id), as: call.principal)
                return nil
            },
        ]
    }

    private var noArtifact: Refusal {
        Refusal(.notFound, "The module has no such artifact.", hint: "List its artifacts.")
    }

    private func asked(_ call: Call) async throws -> Software {
        let module = try await software(call.number("module"))
        let artifact = try call.number("artifact")
        guard module.id == artifact else { throw noArtifact }
        return module
    }

    private func file(
        of module: Software, _ call: Call, sha1: Wire.Digest? = nil, md5: Wire.Digest? = nil
    ) -> Document.Artifact? {
        module.file.map { file in
            Document.Artifact(
                id: module.id, providedFilename: file.name,
                hashes: .init(sha1: sha1, md5: md5, sha256: file.sha256), size: file.size,
                _links: ["self": call.link("/softwaremodules/\(module.id)/artifacts/\(module.id)")])
        }
    }

    /// The file goes into the store under its SHA-256 as it comes, never whole into memory, and then to its draft.
    private func upload(_ call: Call) async throws -> Document.Artifact {
        let module = try await software(call.number("module"))
        guard case .draft(let draft) = module else { throw Self.published }
        var form = try Multipart(contentType: call.request.headers[.contentType] ?? "")
        let upload = try Upload(folder: house.artifacts.path)
        do {
            var (sha256, sha1, md5) = (SHA256(), Insecure.SHA1(), Insecure.MD5())
            var size = 0
            for try await chunk in call.request.body {
                let bytes = try form.take(chunk.readableBytesView)
                guard !bytes.isEmpty else { continue }
                size += bytes.count
                guard size <= door.settings.maximumArtifactBytes else {
                    throw Refusal(
                        .tooLarge, "The artifact has more than \(door.settings.maximumArtifactBytes) bytes.",
                        hint: "Send a smaller one.")
                }
                sha256.update(data: bytes)
                sha1.update(data: bytes)
                md5.update(data: bytes)
                try await NIOThreadPool.singleton.runIfActive { try upload.write(bytes) }
            }
            try form.finish()
            guard size > 0 else {
                throw Refusal(.malformed, "The artifact is empty.", hint: "Send its bytes.")
            }
            let sums = (Wire.Digest(sha256.finalize()), Wire.Digest(sha1.finalize()), Wire.Digest(md5.finalize()))
            for (name, sum) in [("sha256sum", sums.0), ("sha1sum", sums.1), ("md5sum", sums.2)] {
                guard let wanted = call.query.text(name), wanted.lowercased() != sum.description else { continue }
                throw Refusal(
                    .malformed, "The bytes have another \(name) than was said.", hint: "Send them again.",
                    rule: "artifact: named by its hash")
            }
            try await upload.keep(as: sums.0, in: house, by: call.principal)
            let name = call.query.text("filename") ?? form.filename ?? ""
            _ = try await house.perform(
                AttachArtifact(draft: draft.id, sha256: sums.0, size: size, file: name), as: call.principal)
            guard let shown = file(of: try await software(draft.id), call, sha1: sums.1, md5: sums.2) else {
                throw noArtifact
            }
            return shown
        } catch {
            upload.discard()
            throw error
        }
    }
}

import NIOHTTP1
import Registry
import Wire

/// `/tuf/metadata/*`: update metadata as its clients ask for it (TUF 1.0.34 §5, with consistent snapshots §6.2). Metadata only:
/// artifacts are at the device plane, for devices that may have them.
struct UpdateAnswers: Sendable {
    private let house: House

    init(_ house: House) { self.house = house }

    func answer(_ request: PlaneRequest) -> PlaneOutcome {
        let name = request.parameters.first.flatMap { $0.utf8.count <= 768 ? PercentEncoding.decode($0) : nil } ?? ""
        let headers = request.headers
        return .later {
            guard let bytes = try await house.read({ try UpdateDocuments.file(named: name, in: $0) }) else {
                throw Refusal(
                    .notFound, "There is no such update metadata.",
                    hint: "Ask for timestamp.json, or for a version that is listed, such as 1.root.json.",
                    rule: "TUF 1.0.34 §6.2")
            }
            let tag = EntityTag(of: bytes)
            var answer =
                tag.isHeld(by: headers)
                ? PlaneAnswer([], type: nil, status: 304) : PlaneAnswer(bytes, type: "application/json")
            // A version never changes. The timestamp does, and a mirror may be a minute behind.
            let life = name == "timestamp.json" ? "public, max-age=60" : "public, max-age=31536000, immutable"
            answer.fields = [("Cache-Control", life), ("ETag", tag.text)]
            return answer
        }
    }
}

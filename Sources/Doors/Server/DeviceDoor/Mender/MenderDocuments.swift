import Use
import Wire

/// What a client is told of its next deployment.
struct MenderDeployment: Encodable {
    struct Source: Encodable {
        var uri: String
        /// RFC 3339.
        var expire: String
    }
    struct Artifact: Encodable {
        var artifact_name: String
        var device_types_compatible: [String]
        var source: Source
    }
    /// The action's number.
    var id: String
    var artifact: Artifact
}

/// A refusal, and in one sentence more what Mender's clients write into their log.
struct MenderRefusal: Encodable {
    var code: Refusal.Code
    var detail: String
    var hint: String
    var rule: String?
    var retryAfterSeconds: Int?
    var error: String

    init(_ refusal: Refusal) {
        code = refusal.code
        detail = refusal.detail
        hint = refusal.hint
        rule = refusal.rule
        retryAfterSeconds = refusal.retryAfterSeconds
        error = "\(refusal.detail) \(refusal.hint)"
    }
}

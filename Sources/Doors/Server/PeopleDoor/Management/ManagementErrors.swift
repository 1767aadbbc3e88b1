import HTTPTypes
import Hummingbird
import Wire

/// Refusals in the form in which scripts for hawkBit read them.
enum ManagementErrors {
    /// Whether the path is the management API's.
    static func isBelow(_ path: String) -> Bool { path.hasPrefix(Management.prefix + "/") }

    static func answer(_ refusal: Refusal, status: Int? = nil) throws -> Response {
        let (exception, code) = names(refusal)
        let body = ManagementDocument.Failure(
            exceptionClass: "org.eclipse.hawkbit.\(exception)", errorCode: "hawkbit.server.error.\(code)",
            message: "\(refusal.detail) \(refusal.hint)", parameters: refusal.rule.map { ["rule": $0] })
        return try .json(body, status: HTTPResponse.Status(code: status ?? refusal.httpStatus))
    }

    /// hawkBit's own names, with its spelling.
    private static func names(_ refusal: Refusal) -> (exception: String, code: String) {
        switch (refusal.code, refusal.rule) {
        case (_, RSQL.rule): ("repository.exception.RSQLParameterSyntaxException", "rest.param.rsqlParamSyntax")
        case (_, Management.notCancelable):
            ("repository.exception.CancelActionNotAllowedException", "action.notcancelable")
        case (.notFound, _), (.gone, _): ("repository.exception.EntityNotFoundException", "repo.entitiyNotFound")
        case (.conflict, _):
            ("repository.exception.EntityAlreadyExistsException", "repo.entitiyAlreayExists")
        case (.forbidden, _), (.unauthenticated, _):
            ("repository.exception.InsufficientPermissionException", "insufficientpermission")
        case (.tooLarge, _): ("repository.exception.FileSizeQuotaExceededException", "quota.fileSizeExceeded")
        case (.tooMany, _): ("repository.exception.AssignmentQuotaExceededException", "quota.tooManyEntries")
        case (.malformed, _), (.unsupported, _):
            ("rest.exception.MessageNotReadableException", "rest.body.notReadable")
        case (.internal, _), (.unavailable, _): ("repository.exception.GenericServerException", "rest.genericServer")
        }
    }
}

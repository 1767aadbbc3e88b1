import HTTPTypes

/// What every answer of the console tells the browser.
enum ConsoleHeaders {
    /// Nothing from elsewhere, nothing inline, no frames, forms only to ourselves.
    static let contentSecurityPolicy = [
        "default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self'", "form-action 'self'",
        "base-uri 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")

    /// For pages: never kept, because they show what somebody may see now.
    static var page: HTTPFields {
        var headers = file
        headers[.cacheControl] = "no-store"
        return headers
    }

    static var file: HTTPFields {
        var headers = HTTPFields()
        headers[.contentSecurityPolicy] = contentSecurityPolicy
        headers[.xContentTypeOptions] = "nosniff"
        if let referrerPolicy = HTTPField.Name("Referrer-Policy") { headers[referrerPolicy] = "same-origin" }
        return headers
    }
}

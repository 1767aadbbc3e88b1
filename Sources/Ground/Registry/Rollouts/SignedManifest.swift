import Passport
import Store
import Wire

/// What was signed about a release, as it is stored.
package enum SignedManifest {
    package static func find(_ sequence: Int, of product: ProductID, in rows: any Rows) throws -> ReleaseManifest? {
        try rows.first(
            "SELECT manifest FROM release WHERE product = $1 AND sequence = $2", [Value(product), Value(sequence)]
        ).map { row in
            let seal = try CanonicalJSON.decode(Seal.self, from: Array(row.text("manifest").utf8))
            return try CanonicalJSON.decode(ReleaseManifest.self, from: seal.payloadBytes())
        }
    }
}

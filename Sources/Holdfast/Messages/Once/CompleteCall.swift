import RedisLink

extension ScriptCall<Bool> {
    /// Whether the record was written, and the claim not another's any more.
    static func complete(_ claim: LeaseClaim, record: String, retention: Duration) -> Self {
        Self(
            Scripts.complete, keys: [claim.key],
            [.string(claim.token), .string(record), .init(milliseconds: retention)],
            numbered: .completing(claim.token))
    }
}

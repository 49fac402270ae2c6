/// The largest sizes of a message, in bytes.
package enum MessageLimits {
    /// As encoded: what claim.lua hands out leaves room for its id and type.
    package static let body = 1 << 25
    static let id = 512
}

import RedisLink

/// A message whose type has a name of its own, so that one queue can carry several types, and old and new
/// instances can share the queue.
///
/// ```swift
/// struct OrderPlaced: VersionedMessage {
///     static let messageType = "order-placed"
///     static let messageVersion = 2
///     var id: String
///     var coupon: String?  // since version 2
/// }
/// ```
///
/// A message that names a type or a version that a consumer does not know is left for an instance that does;
/// no attempt is used up. A type reads older versions of itself unless they are handled as types of their
/// own: properties that were added later must be optional.
///
/// Messages of a type that is only `Codable` name their Swift type for people to read. Whoever handles the
/// queue decodes them whatever type they name.
public protocol VersionedMessage: Codable, Sendable {
    /// What the type is called in the queue, whatever becomes of its name in Swift. Without an `@`.
    static var messageType: String { get }
    /// Defaults to 1. Raise it when older instances cannot read what newer ones send.
    static var messageVersion: Int { get }
}

extension VersionedMessage {
    /// 1.
    public static var messageVersion: Int { 1 }
}

/// A type and its version, as a message names them: `order-placed`, and `order-placed@2` from the second version on.
struct MessageKind: Hashable {
    let name: String
    let version: Int

    init(_ type: (some VersionedMessage).Type) {
        name = type.messageType
        version = type.messageVersion
    }

    /// Reads what a message names. What is no version belongs to the name.
    init(_ text: String) {
        if let parts = text.cut(atLast: "@"), let version = Int(parts.after), version > 1 {
            name = parts.before
            self.version = version
        } else {
            name = text
            version = 1
        }
    }

    static func == (one: MessageKind, other: MessageKind) -> Bool {
        one.name.isExactly(other.name) && one.version == other.version
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(ExactText(name))
        hasher.combine(version)
    }

    var text: String { version > 1 ? "\(name)@\(version)" : name }

    /// What messages of `type` name.
    static func text(for type: Any.Type) -> String {
        guard let type = type as? any VersionedMessage.Type else { return String(describing: type) }
        return MessageKind(type).text
    }
}

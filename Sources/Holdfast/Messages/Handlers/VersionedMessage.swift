import RedisLink

/// A message whose type is known by a name of its own, so that one queue can carry several types, and old and new
/// instances can share it.
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
/// A message that names another type than a consumer knows, or a newer version, is left for an instance that knows it;
/// no attempt is used up. A type reads older versions of itself, if they are not handled as types of their own: what
/// came later must be optional.
///
/// Messages of a type that is only `Codable` name their Swift type for people to read, and whoever handles the queue
/// reads them whatever they name.
public protocol VersionedMessage: Codable, Sendable {
    /// What the type is called in the queue, whatever becomes of its name in Swift. Without an `@`.
    static var messageType: String { get }
    /// 1 unless set; higher when older instances cannot read what newer ones send.
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

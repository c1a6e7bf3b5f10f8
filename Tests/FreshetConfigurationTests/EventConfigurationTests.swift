import FreshetConfiguration
import FreshetModel
import Testing

@Suite struct EventConfigurationTests {
  private func read(_ yaml: String) throws -> Configuration {
    try ConfigurationLoader(environment: [:], currentFolder: "/project")
      .read(Array(("sources: [{ path: docs }]\n" + yaml).utf8), file: "/project/freshet.yaml")
  }

  private func refusal(_ yaml: String) -> String? {
    do {
      _ = try read(yaml)
      return nil
    } catch {
      return (error as? FreshetError)?.description
    }
  }

  @Test func webhooksAndMailAreReadWithTheirDefaults() throws {
    let configuration = try read(
      """
      events: { deliver_within: 2s }
      webhooks:
        - { name: ops, url: "https://example.com/hook?tenant=1", secret_env: OPS_SECRET }
        - name: chat
          url_env: CHAT_URL
          format: slack
          sources: docs
          changes: [created, deleted]
          pattern: ["guide/*", "*.txt"]
          timeout: 500ms
          retries: 0
          private: true
      mail:
        server: smtp://mail.example.com:587
        from: freshet@example.com
        to: [ops@example.com]
        user_env: MAIL_USER
        password_env: MAIL_PASSWORD
        ca_file: certificates.pem
      """
    )
    #expect(configuration.events.deliverWithin == .seconds(2))
    #expect(configuration.webhooks.map(\.name) == ["ops", "chat"])
    #expect(configuration.webhooks[0].format == .json && configuration.webhooks[0].batch == 100)
    #expect(
      configuration.webhooks[1].patterns == ["guide/*", "*.txt"] && configuration.webhooks[1].sources == ["docs"]
    )
    #expect(configuration.webhooks[1].timeout == .milliseconds(500))
    #expect(configuration.mail.encryption == .required)
    #expect(configuration.mail.certificateFile == "/project/certificates.pem")
    #expect(
      configuration.trustRequirements.map(\.key) == [
        "webhooks[1].url", "webhooks[1].secret_env", "webhooks[2].url_env", "webhooks[2].private", "mail.server",
        "mail.to", "mail.user_env", "mail.password_env", "mail.ca_file",
      ]
    )
    #expect(configuration.trustRequirements[0].value == "https://example.com/hook?tenant=1")
  }

  @Test(
    arguments: [
      ("webhooks: [{ url: 'https://a.example/' }]", "name"),
      ("webhooks: [{ name: a }]", "either a `url` or a `url_env`"),
      ("webhooks: [{ name: a, url: 'https://a.example/', url_env: B }]", "either a `url` or a `url_env`"),
      ("webhooks: [{ name: a, url: 'ftp://a.example/' }]", "https://"),
      ("webhooks: [{ name: a, url: 'https://me:word@a.example/' }]", "secret_env"),
      ("webhooks: [{ name: 'a b', url: 'https://a.example/' }]", "letters"),
      ("webhooks: [{ name: a, url: 'https://a.example/', secret_env: whsec_abc= }]", "never the key itself"),
      ("webhooks: [{ name: a, url: 'https://a.example/', changes: [moved] }]", "must name changes"),
      ("webhooks: [{ name: a, url: 'https://a.example/', formt: json }]", "Did you mean"),
      ("webhooks: [{ name: a, url: 'https://a.example/' }, { name: a, url: 'https://b.example/' }]", "already"),
      ("mail: { server: 'https://a.example', from: a@b.de, to: [a@b.de] }", "smtp://"),
      ("mail: { server: 'smtp://me@a.example', from: a@b.de, to: [a@b.de] }", "mail.user_env"),
      ("mail: { server: 'smtp://a.example', to: [a@b.de] }", "mail.from"),
      ("mail: { server: 'smtp://a.example', from: a@b.de }", "mail.to"),
      ("mail: { server: 'smtp://a.example', from: \"a@b.de\\r\\nBcc: c@d.de\", to: [a@b.de] }", "mail address"),
      ("mail: { server: 'smtp://a.example', from: a@b.de, to: [a@b.de], tls: none, user_env: U }", "not sent without"),
      ("mail: { server: 'smtp://a.example', from: a@b.de, to: [a@b.de], password_env: U }", "mail.user_env"),
    ]
  )
  func whatDoesNotFitIsRefusedWithItsRemedy(yaml: String, part: String) throws {
    let sentence = try #require(refusal(yaml), "it was taken: \(yaml)")
    #expect(sentence.contains(part), "\(sentence)")
  }

  @Test func whatIsNotTheFilesOwnNeedsNoTrust() throws {
    #expect(try read("events: { deliver_within: 0s }").trustRequirements.isEmpty)
    #expect(try read("mail: { from: a@b.de }").trustRequirements.isEmpty)
  }
}

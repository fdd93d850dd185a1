#!/usr/bin/env ruby
# Wistia's page "Authenticating with OAuth2", run as it is printed, by the library that it names: the oauth2 gem, as Debian
# packages it (ruby-oauth2 1.4). Of the page's two samples only the base URL, the keys and where `params` comes from differ;
# the second one is run both as printed, which the gem itself refuses, and in the way that its version 1.4 has for it.
#
#   BASE_URL       where the profile is, as http://127.0.0.1:PORT
#   CLIENT_ID, CLIENT_SECRET, REDIRECT_URI
#                  an application that is registered there, with the permission all:read
#   USERNAME, PASSWORD
#                  a person with one account, of which he is manager or owner
#
# The page's `base_url` is the whole API of Wistia. What stands in its place here carries /oauth/* to the server, and answers
# /v1/medias/myhashedid itself, as any resource does: it asks the server what the token is worth.
require 'json'
require 'net/http'
require 'oauth2'
require 'uri'
require 'webrick'

NAME = 'wistia'.freeze
SERVER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, USERNAME, PASSWORD =
  %w[BASE_URL CLIENT_ID CLIENT_SECRET REDIRECT_URI USERNAME PASSWORD].map do |name|
    ENV.fetch(name) { abort "#{NAME}: #{name} is not set; the top of this file says what it is" }
  end

def step(name)
  puts "#{NAME}: #{name}: #{yield}"
rescue StandardError => e
  puts "#{NAME}: #{name}: FAILED: #{e.message.lines.first.to_s.strip}"
  exit 1
end

def expect(what, expected, found)
  raise "expected #{what} #{expected.inspect}, found #{found.inspect}" unless expected == found
end

def hex(what, text)
  raise "expected #{what} of 64 lower-case hexadecimal digits, found #{text.inspect}" unless text =~ /\A[0-9a-f]{64}\z/
end

# ---- the API in front of the server ----

def worth(token)
  asked = Net::HTTP::Post.new('/oauth/introspect')
  asked.basic_auth(CLIENT_ID, CLIENT_SECRET)
  asked.set_form_data('token' => token)
  at = URI(SERVER)
  JSON.parse(Net::HTTP.start(at.host, at.port) { |http| http.request(asked) }.body)
end

def carry(request, response)
  at = URI(SERVER)
  carried = Net::HTTPGenericRequest.new(request.request_method, !request.body.nil?, true, request.unparsed_uri)
  carried.body = request.body
  %w[Content-Type Authorization Accept].each { |name| carried[name] = request[name] if request[name] }
  answer = Net::HTTP.start(at.host, at.port) { |http| http.request(carried) }
  response.status = answer.code.to_i
  response.body = answer.body
  answer.each_header { |name, value| response[name] = value unless %w[connection content-length].include?(name) }
end

quiet = { Logger: WEBrick::Log.new(File::NULL), AccessLog: [] }
API = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: 0, **quiet)
API.mount_proc('/oauth') { |request, response| carry(request, response) }
API.mount_proc('/v1/medias/myhashedid') do |request, response|
  shown = [request['Authorization'].to_s[/\ABearer (.+)\z/, 1], request.query['access_token'], request.query['bearer_token']]
  found = shown.compact.length == 1 ? worth(shown.compact.first) : { 'active' => false }
  allowed = found['active'] && (found['scope'].split & %w[all:all all:read media:read]).any?
  response.status = allowed ? 200 : 401
  response['Content-Type'] = 'application/json'
  response.body = JSON.generate(allowed ? { hashed_id: 'myhashedid', name: 'My media' } : { error: 'unauthorized' })
end
Thread.new { API.start }

# ---- the person, in a browser ----

# Logs in where asked, approves where asked, and gives the address that he is sent to in the end; and how many pages it took.
class Person
  def initialize
    @cookies = {}
  end

  def go(target, choice = 'approve')
    pages = 0
    answer = get(target)
    loop do
      while answer.is_a?(Net::HTTPRedirection)
        return [answer['location'], pages] unless answer['location'].start_with?('/')

        answer = get(answer['location'])
      end
      raise "the page says #{answer.code}: #{answer.body[%r{<h1>(.*?)</h1>}m, 1]}" unless answer.code == '200'

      pages += 1
      form = answer.body.split('<form').last
      filled = form.include?('name="password"') ? { 'username' => USERNAME, 'password' => PASSWORD } : { 'decision' => choice }
      answer = post(form[/action="([^"]*)"/, 1], hidden(form).merge(filled))
    end
  end

  def get(target)
    send_on(Net::HTTP::Get.new(target))
  end

  def post(target, fields)
    request = Net::HTTP::Post.new(target)
    request.set_form_data(fields)
    send_on(request)
  end

  def hidden(form)
    form.scan(/<input[^>]*type="hidden"[^>]*>/).to_h do |input|
      [input[/name="([^"]*)"/, 1], input[/value="([^"]*)"/, 1].gsub('&#38;', '&').gsub('&amp;', '&')]
    end
  end

  private

  def send_on(request)
    at = URI(SERVER)
    request['Cookie'] = @cookies.map { |pair| pair.join('=') }.join('; ') unless @cookies.empty?
    answer = Net::HTTP.start(at.host, at.port) { |http| http.request(request) }
    (answer.get_fields('set-cookie') || []).each do |cookie|
      name, value = cookie.split(';').first.split('=', 2)
      @cookies[name] = value
    end
    answer
  end
end

PERSON = Person.new

def back_from(query, choice = 'approve')
  location, pages = PERSON.go("/oauth/authorize?#{query}", choice)
  expect('to come back to', REDIRECT_URI, location[0, REDIRECT_URI.length])
  [URI.decode_www_form(URI(location).query), pages]
end

AUTHORIZE = URI.encode_www_form(client_id: CLIENT_ID, redirect_uri: REDIRECT_URI, response_type: 'code')

step 'deny' do
  answer, = back_from(AUTHORIZE, 'deny')
  expect('the error', 'access_denied', answer.to_h['error'])
  expect('its text', 'The resource owner or authorization server denied the request.', answer.to_h['error_description'])
  'access_denied'
end

params = {}
step 'authorize' do
  answer, = back_from(AUTHORIZE)
  expect('the parameters', %w[code account_id account_url account_name contact_id contact_name contact_email], answer.map(&:first))
  params = answer.to_h.transform_keys(&:to_sym)
  hex('a code', params[:code])
  "a code for #{params[:contact_name]} and the account #{params[:account_name]}"
end

# Initialize the OAuth2 client
base_url = "http://127.0.0.1:#{API.config[:Port]}"
client_id = CLIENT_ID
client_secret = CLIENT_SECRET
client = OAuth2::Client.new(client_id, client_secret, site: base_url)

token = nil
step 'trade the Authorization Code for an Access Token' do
  redirect_uri = REDIRECT_URI
  auth_code = params[:code]
  token = client.auth_code.get_token(auth_code, redirect_uri: redirect_uri)
  # The access token
  hex('an access token', token.token)
  # The refresh token -- you probably want to persist this to disk
  hex('a refresh token', token.refresh_token)
  expect('the scope', ['all:read'], token.params['scope'])
  expect('the type', 'bearer', token.params['token_type'])
  expect('the time to live', 21_600, token.expires_in)
  'both, for six hours'
end

step 'perform an API request' do
  # oauth2 shorthand to perform requests:
  response = token.get('/v1/medias/myhashedid')
  expect('the media', 'My media', response.parsed['name'])
  %i[query].each do |mode|
    %w[access_token bearer_token].each do |name|
      other = OAuth2::AccessToken.new(client, token.token, mode: mode, param_name: name)
      expect(name, 'My media', other.get('/v1/medias/myhashedid').parsed['name'])
    end
  end
  'by the header, access_token and bearer_token'
end

thesavedrefreshtoken = token.refresh_token
step "the page's own refresh sample" do
  old_access_token = OAuth2::AccessToken.new(client, refresh_token: thesavedrefreshtoken)
  begin
    old_access_token.refresh!
    'the gem takes it now'
  rescue RuntimeError => e
    expect("the gem's own words", 'A refresh_token is not available', e.message)
    'the gem refuses it before anything is sent, as it always did in 1.4'
  end
end

step 'trade the refresh_token for a new access_token' do
  old_access_token = OAuth2::AccessToken.from_hash(client, refresh_token: thesavedrefreshtoken)
  newer = old_access_token.refresh!
  hex('an access token', newer.token)
  raise 'expected another access token, found the same' if newer.token == token.token

  # Your refresh_token will stay the same until the end-user goes through the OAuth flow again.
  expect('the refresh token', thesavedrefreshtoken, newer.refresh_token)
  expect('the media', 'My media', newer.get('/v1/medias/myhashedid').parsed['name'])
  'another access token, the same refresh token'
end

step 'go through the OAuth flow again' do
  answer, pages = back_from(AUTHORIZE)
  expect('pages', 0, pages)
  again = client.auth_code.get_token(answer.to_h['code'], redirect_uri: REDIRECT_URI)
  raise 'expected another refresh token, found the same' if again.refresh_token == thesavedrefreshtoken

  begin
    OAuth2::AccessToken.from_hash(client, refresh_token: thesavedrefreshtoken).refresh!
    raise 'expected the old refresh token to be refused, found tokens'
  rescue OAuth2::Error => e
    expect('the error', 'invalid_grant', e.code)
  end
  token = again
  'without a page; the old refresh token is over'
end

step 'a wrong secret, a used code' do
  answer, = back_from(AUTHORIZE)
  begin
    OAuth2::Client.new(client_id, 'f' * 64, site: base_url).auth_code.get_token(answer.to_h['code'], redirect_uri: REDIRECT_URI)
    raise 'expected a wrong secret to be refused, found tokens'
  rescue OAuth2::Error => e
    expect('the error', 'invalid_client', e.code)
  end
  token = client.auth_code.get_token(answer.to_h['code'], redirect_uri: REDIRECT_URI)
  'refused, and the code is none the worse for it'
end

step 'revoking access' do
  page = PERSON.get('/account')
  form = page.body.split('<form').find { |part| part.include?('name="grant"') }
  raise 'expected the application on the account page, found none' unless form

  PERSON.post(form[/action="([^"]*)"/, 1], PERSON.hidden(form))
  begin
    token.refresh!
    raise 'expected a revoked refresh token to be refused, found tokens'
  rescue OAuth2::Error => e
    expect('the error', 'invalid_grant', e.code)
  end
  begin
    token.get('/v1/medias/myhashedid')
    raise 'expected a revoked access token to be refused, found the media'
  rescue OAuth2::Error => e
    expect('the status', 401, e.response.status)
  end
  _, pages = back_from(AUTHORIZE)
  expect('pages', 1, pages)
  'both tokens are over at once, and the person is asked again'
end

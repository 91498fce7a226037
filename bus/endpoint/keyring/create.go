package keyring

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus/endpoint"
	"github.com/bulkheadnode/bulkhead/bus/secure"
)

const (
	publicSuffix = ".key"
	secretSuffix = ".key_secret"
	brokerStem   = "broker"
)

// The metadata of our key files.
const (
	roleField   = "role"
	nameField   = "name"
	chainField  = "chain"
	brokerField = "broker"
)

// stem is the name of a key's files without what follows it.
func stem(role rights.Role, name string) string {
	if name == "" {
		return string(role)
	}
	return string(role) + "." + name
}

// Pair names the two files of a key.
type Pair struct{ Secret, Public string }

// errNamelessWallet refuses a key that could pass for any wallet, and hear what
// is meant for it.
var errNamelessWallet = errors.New("the key of a wallet needs the wallet's name: wallet NAME")

// Create makes the key of a role in the folder, and the broker's if there is
// none. The secret file carries the broker's public key and the chain, so that
// a part on another machine needs nothing else.
func Create(dir string, role rights.Role, name, chain string) (Pair, error) {
	if !endpoint.Outside(role) {
		return Pair{}, fmt.Errorf("role %q cannot come from outside: it is one of %s", role, roleList())
	}
	if name == "" && role == roles.Wallet {
		return Pair{}, errNamelessWallet
	}
	if name != "" && !endpoint.ValidName(name) {
		return Pair{}, fmt.Errorf("a name is 1 to 64 letters, digits, \"-\" and \"_\", not %q", name)
	}
	own, err := BrokerKey(dir)
	if err != nil {
		return Pair{}, err
	}
	metadata := []secure.Property{{Name: roleField, Value: string(role)}}
	if name != "" {
		metadata = append(metadata, secure.Property{Name: nameField, Value: name})
	}
	private := append(metadata[:len(metadata):len(metadata)],
		secure.Property{Name: chainField, Value: chain}, secure.Property{Name: brokerField, Value: own.Public().String()})
	base := filepath.Join(dir, stem(role, name))
	pair := Pair{Secret: base + secretSuffix, Public: base + publicSuffix}
	if _, err := os.Lstat(pair.Public); err == nil {
		return Pair{}, fmt.Errorf("%s is there already", pair.Public)
	}
	key := secure.Generate()
	if err := place(pair.Secret, secure.NewCertificate(key, private...).WriteSecretFile); err != nil {
		return Pair{}, err
	}
	return pair, place(pair.Public, secure.NewCertificate(key, metadata...).WritePublicFile)
}

func roleList() string {
	var names []string
	for _, role := range endpoint.Roles() {
		names = append(names, string(role))
	}
	return strings.Join(names, ", ")
}

// BrokerKey returns the broker's key, which is made with its folder if there
// is none.
func BrokerKey(dir string) (secure.Key, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return secure.Key{}, err
	}
	if err := checkFolder(dir); err != nil {
		return secure.Key{}, err
	}
	path := filepath.Join(dir, brokerStem)
	metadata := secure.Property{Name: roleField, Value: brokerStem}
	err := place(path+secretSuffix, secure.NewCertificate(secure.Generate(), metadata).WriteSecretFile)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return secure.Key{}, err
	}
	own, err := secure.ReadSecretFile(path + secretSuffix)
	if err != nil {
		return secure.Key{}, err
	}
	err = place(path+publicSuffix, secure.NewCertificate(own.Secret, metadata).WritePublicFile)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return secure.Key{}, err
	}
	return own.Secret, nil
}

// place writes a file under another name and links it to path, so that nobody
// sees half of it and nothing is overwritten.
func place(path string, write func(string) error) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	temporary := filepath.Join(filepath.Dir(path), ".new-"+rand.Text())
	if err := write(temporary); err != nil {
		return err
	}
	defer os.Remove(temporary)
	return os.Link(temporary, path)
}

// Ticket is what a part on another machine needs: the content of a secret file
// that Create made.
type Ticket struct {
	Key    secure.Key
	Broker secure.PublicKey
	Role   rights.Role
	Name   string // may be empty
	Chain  string
}

// ReadTicket reads a secret file that Create made.
func ReadTicket(path string) (Ticket, error) {
	c, err := secure.ReadSecretFile(path)
	if err != nil {
		return Ticket{}, err
	}
	t := Ticket{
		Key: c.Secret, Role: rights.Role(field(c, roleField)), Name: field(c, nameField), Chain: field(c, chainField),
	}
	if t.Broker, err = secure.ParsePublicKey(field(c, brokerField)); err != nil {
		return Ticket{}, fmt.Errorf("%s: no public key of the broker in the metadata: %w", path, err)
	}
	return t, nil
}

func field(c secure.Certificate, name string) string {
	for _, p := range c.Metadata {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

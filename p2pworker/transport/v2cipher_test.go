package transport

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/v2transport"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	return b
}

// seal makes one packet.
func seal(t testing.TB, c *packetCipher, contents, aad []byte, decoy bool) []byte {
	t.Helper()
	packet, err := c.finish(append(c.begin(nil, len(contents), decoy), contents...), aad)
	require.NoError(t, err)
	return packet
}

func TestPacketEncodingVectors(t *testing.T) {
	f, err := os.Open("testdata/bip324_packet_encoding.csv")
	require.NoError(t, err)
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 8)
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		t.Run(row["in_idx"], func(t *testing.T) { checkVector(t, row) })
	}
}

func checkVector(t *testing.T, row map[string]string) {
	private, _ := btcec.PrivKeyFromBytes(unhex(t, row["in_priv_ours"]))
	ours := ephemeralKey{private: private, public: [keySize]byte(unhex(t, row["in_ellswift_ours"]))}
	initiator := row["in_initiating"] == "1"
	c, err := ours.agree([keySize]byte(unhex(t, row["in_ellswift_theirs"])), initiator, magicOf(wire.MainNet))
	require.NoError(t, err)
	require.Equal(t, row["out_session_id"], hex.EncodeToString(c.id[:]))
	require.Equal(t, row["mid_send_garbage_terminator"], hex.EncodeToString(c.sendTerminator[:]))
	require.Equal(t, row["mid_recv_garbage_terminator"], hex.EncodeToString(c.receiveTerminator[:]))
	require.Equal(t, make([]byte, 32), private.Serialize(), "the private key is wiped")

	index, err := strconv.Atoi(row["in_idx"])
	require.NoError(t, err)
	for range index {
		seal(t, c.send, nil, nil, false)
	}
	times, err := strconv.Atoi(row["in_multiply"])
	require.NoError(t, err)
	contents := bytes.Repeat(unhex(t, row["in_contents"]), times)
	got := hex.EncodeToString(seal(t, c.send, contents, unhex(t, row["in_aad"]), row["in_ignore"] == "1"))
	if want := row["out_ciphertext"]; want != "" {
		require.Equal(t, want, got)
		return
	}
	require.NotEmpty(t, row["out_ciphertext_endswith"])
	require.Equal(t, row["out_ciphertext_endswith"], got[len(got)-len(row["out_ciphertext_endswith"]):])
}

// twins are two ends of one direction.
func twins(t testing.TB) (send, receive *packetCipher) {
	t.Helper()
	send, err := newPacketCipher(&key{1}, &key{2})
	require.NoError(t, err)
	receive, err = newPacketCipher(&key{1}, &key{2})
	require.NoError(t, err)
	return send, receive
}

// Over several changes of keys, the packets are those that btcd's ciphers make.
func TestPacketsAreThoseOfBtcdsCiphers(t *testing.T) {
	send, receive := twins(t)
	lengthKey, contentKey := key{1}, key{2}
	lengths, err := v2transport.NewFSChaCha20(lengthKey[:])
	require.NoError(t, err)
	texts, err := v2transport.NewFSChaCha20Poly1305(contentKey[:])
	require.NoError(t, err)
	random := rand.NewChaCha8([32]byte{7})
	for i := range 3*rekeyInterval + 2 {
		contents, aad := make([]byte, random.Uint64()%300), make([]byte, random.Uint64()%2*20)
		_, _ = random.Read(contents)
		_, _ = random.Read(aad)
		decoy := i%5 == 0

		n := len(contents)
		length, err := lengths.Crypt([]byte{byte(n), byte(n >> 8), byte(n >> 16)})
		require.NoError(t, err)
		header := []byte{0}
		if decoy {
			header[0] = 0x80
		}
		text, err := texts.Encrypt(aad, append(header, contents...))
		require.NoError(t, err)
		packet := seal(t, send, contents, aad, decoy)
		require.Equal(t, append(length, text...), packet, "packet %d", i)

		require.Equal(t, n, receive.size([lengthSize]byte(packet)))
		got, ignored, err := receive.open(packet[lengthSize:], aad)
		require.NoError(t, err)
		require.Equal(t, contents, got)
		require.Equal(t, decoy, ignored)
	}
}

func TestWhatIsNotAuthenticIsRefused(t *testing.T) {
	for name, change := range map[string]func(packet, aad []byte){
		"header":   func(p, _ []byte) { p[lengthSize] ^= ignoreBit },
		"contents": func(p, _ []byte) { p[lengthSize+packetHeader] ^= 1 },
		"tag":      func(p, _ []byte) { p[len(p)-1] ^= 1 },
		"aad":      func(_, a []byte) { a[0] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			send, receive := twins(t)
			aad := []byte("garbage")
			packet := seal(t, send, []byte("contents"), aad, false)
			change(packet, aad)
			receive.size([lengthSize]byte(packet))
			_, _, err := receive.open(packet[lengthSize:], aad)
			require.ErrorIs(t, err, errNotAuthentic)
		})
	}
}

// A block is encrypted and decrypted where it lies.
func TestPacketsAreMadeInPlace(t *testing.T) {
	send, receive := twins(t)
	contents := make([]byte, 1<<20)
	room := make([]byte, 0, len(contents)+packetOverhead)
	packet, err := send.finish(append(send.begin(room, len(contents), false), contents...), nil)
	require.NoError(t, err)
	require.Same(t, &room[:1][0], &packet[0])
	receive.size([lengthSize]byte(packet))
	got, _, err := receive.open(packet[lengthSize:], nil)
	require.NoError(t, err)
	require.Same(t, &packet[lengthSize+packetHeader], &got[0])
	require.Equal(t, contents, got)
	require.Equal(t, len(got), cap(got), "who appends to it does not write into the tag")
}

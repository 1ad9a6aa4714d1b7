// Makes the keystores of this folder. Run here, with JDK 17:
//
//	java -Djdk.jceks.iterationCount=10000 MakeStores.java
//	java -Dkeystore.pkcs12.legacy MakeStores.java legacy.p12
//	java -Dkeystore.pkcs12.keyPbeIterationCount=1 -Dkeystore.pkcs12.macIterationCount=1 MakeStores.java quick.p12
//
// The keys are 00 01 02 03 … of the length that the alias says. KeyStore keeps aliases in lower case.

import java.io.*;
import java.nio.file.*;
import java.security.*;
import javax.crypto.SecretKey;
import javax.crypto.spec.*;

public class MakeStores {
    static byte[] bytes(int n) {
        byte[] b = new byte[n];
        for (int i = 0; i < n; i++) b[i] = (byte) i;
        return b;
    }

    static SecretKey key(String algorithm, int n) { return new SecretKeySpec(bytes(n), algorithm); }

    // A key of a hardware token: such classes leave a java.security.KeyRep in the store.
    static class TokenKey implements SecretKey {
        public String getAlgorithm() { return "AES"; }
        public String getFormat() { return "RAW"; }
        public byte[] getEncoded() { return bytes(32); }
        Object writeReplace() { return new KeyRep(KeyRep.Type.SECRET, getAlgorithm(), getFormat(), getEncoded()); }
    }

    static KeyStore open(String type, String file, String password) throws Exception {
        KeyStore s = KeyStore.getInstance(type);
        try (InputStream in = file == null ? null : new FileInputStream(file)) { s.load(in, password.toCharArray()); }
        return s;
    }

    static void save(KeyStore s, String file, String password) throws Exception {
        try (OutputStream out = new FileOutputStream(file)) { s.store(out, password.toCharArray()); }
    }

    // A private key with its certificate, which keytool signs.
    static KeyStore pair() throws Exception {
        Path file = Files.createTempDirectory("stores").resolve("pair");
        new ProcessBuilder("keytool", "-genkeypair", "-alias", "node", "-keyalg", "EC", "-dname", "CN=node", "-validity", "36500",
            "-keystore", file.toString(), "-storepass", "of the pair").inheritIO().start().waitFor();
        return open("PKCS12", file.toString(), "of the pair");
    }

    static void several(String type, String file) throws Exception {
        KeyStore s = open(type, null, ""), pair = pair();
        char[] password = "key password".toCharArray();
        s.setCertificateEntry("authority", pair.getCertificate("node"));
        s.setKeyEntry("node", pair.getKey("node", "of the pair".toCharArray()), password, pair.getCertificateChain("node"));
        s.setKeyEntry("aes:16", key("AES", 16), password, null);
        s.setKeyEntry("AES:24", key("AES", 24), password, null);
        s.setKeyEntry("aes:32", key("AES", 32), password, null);
        s.setKeyEntry("schl\u00fcssel", key("AES", 16), password, null);
        s.setKeyEntry("short:8", key("AES", 8), password, null);
        s.setKeyEntry("des:24", key("DESede", 24), password, null);
        if (type.equals("PKCS12")) {
            for (String algorithm : new String[] {"HmacSHA1AndAES_128", "HmacSHA384AndAES_256", "HmacSHA512AndAES_256"}) {
                s.setEntry(algorithm, new KeyStore.SecretKeyEntry(key("AES", 32)),
                    new KeyStore.PasswordProtection(password, "PBEWith" + algorithm, new PBEParameterSpec(bytes(20), 10)));
            }
        }
        save(s, file, "store password");
    }

    public static void main(String[] args) throws Exception {
        if (args.length > 0) {
            several("PKCS12", args[0]);
            return;
        }
        several("JCEKS", "several.jceks");
        several("PKCS12", "several.p12");

        KeyStore s = open("JCEKS", null, "");
        s.setKeyEntry("token:32", new TokenKey(), "key password".toCharArray(), null);
        save(s, "token.jceks", "p\u00e4ssword");

        save(open("JCEKS", null, ""), "empty.jceks", "store password");
        save(open("PKCS12", null, ""), "empty.p12", "store password");

        s = open("JKS", null, "");
        s.setCertificateEntry("authority", pair().getCertificate("node"));
        save(s, "certificate.jks", "store password");
    }
}
